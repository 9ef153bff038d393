/**
 * The key of secrets: what a person wishes of it goes into the ledger in their name, and whoever leads
 * does it. How far it has come is in the ledger, too.
 */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { freshState } from '../runs/fresh.ts'
import { revokedHolders } from '../secrets/key-desk.ts'
import { formerHoldersOf, holdersOf, meshKeyIn, putWish } from '../secrets/key-rows.ts'
import { sealedRows, secretNameAt } from '../secrets/places.ts'
import { appended } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'
import type { SecretsKey } from './secret-key-routes.ts'

export function secretKeyHandlers(agent: Agent): Pick<Handlers, 'rotateSecretsKey'> {
  return {
    rotateSecretsKey: async (it) => ({
      schemaVersion: SCHEMA_VERSION,
      was: await rotate(agent, it),
    }),
  }
}

async function rotate(
  agent: Agent,
  { caller, signal, trail }: Pick<Request<'rotateSecretsKey'>, 'caller' | 'signal' | 'trail'>,
): Promise<string> {
  const { state } = await freshState(agent, signal)
  const row = meshKeyIn(state)
  if (row === undefined) {
    const why = 'there is no key of secrets yet, in whose place another could be put'
    throw new ApiRefusal('conflict', why, 'the first secret that is set makes one')
  }
  if (row.was !== undefined) {
    throw new ApiRefusal(
      'conflict',
      'another key of secrets is taking the place of the one before already',
      'skein keys ls shows how far it is',
    )
  }
  if (trail !== undefined) trail.note = { ...trail.note, object: `key of secrets ${row.id}` }
  const wish = { key: row.id, by: caller.name, atMs: agent.ports.clock.wall() }
  await appended(agent, putWish(wish), signal, trail)
  return row.id
}

/** Undefined where nobody has needed a key yet. */
export function secretsKeyOf(agent: Agent): SecretsKey | undefined {
  const { state } = agent.ledger
  const row = meshKeyIn(state)
  if (row === undefined) return undefined
  const { id, was, madeMs, by, why } = row
  const named = (peers: readonly PeerId[]) =>
    peers.map((peer) => agent.membership.nameOf(peer)).sort(compareNames)
  const { under, read } = standingIn(state)
  return {
    id,
    madeMs,
    by,
    why,
    ...(was === undefined ? {} : { was }),
    left: under.filter((key) => key === was).length,
    kept: under.length,
    holders: named(holdersOf(state, id)),
    former: named(formerHoldersOf(state, id)),
    revoked: named(revokedHolders(agent, id)),
    read,
  }
}

function standingIn(state: LedgerState): { under: string[]; read: SecretsKey['read'] } {
  const under: string[] = []
  const read = { secrets: [] as string[], issuing: false, swarm: false }
  for (const row of sealedRows(state)) {
    under.push(row.sealing.key)
    if (!row.sealing.isResealed) continue
    const secret = secretNameAt(row)
    if (secret !== undefined) read.secrets.push(secret)
    else read[row.place === 'issuing key' ? 'issuing' : 'swarm'] = true
  }
  return { under, read }
}
