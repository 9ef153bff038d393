/** What each route of join tokens does. */
import type { Agent } from '../../agent/agent.ts'
import { labels as labelKind, nodeName } from '../../agent/config/kind.ts'
import { publicKeyBytes, sealingLimits } from '../../protocol/identity/limits.ts'
import { type PeerId, parsePeerId } from '../../protocol/identity/peer-id.ts'
import type { PeerRole } from '../../protocol/identity/roles.ts'
import { sealedTo } from '../../protocol/identity/sealing.ts'
import { tokenStateAt } from '../../protocol/joining/judging.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { joinTokenId } from '../../protocol/joining/token.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { formatTimestamp } from '../../protocol/workflow/expressions/calendar.ts'
import { asSigned } from '../audit/deed.ts'
import { letInLimits } from '../joining/limits.ts'
import {
  type HeldToken,
  heldToken,
  heldTokens,
  recordToken,
  recordTokenRevoked,
} from '../joining/tokens.ts'
import { aboutSwarmKey } from '../joining/wire.ts'
import { freshState } from '../runs/fresh.ts'
import { applied } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import { candidatesMax } from './limits.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type TokenRoute = 'tokens' | 'createToken' | 'createCoordinatorToken' | 'revokeToken'
type Wish = Request<'createToken'>['body']
type Shown = RouteResponse<'tokens'>['tokens'][number]

/** Of an id in the audit log and in refusals. */
const idLettersShown = 8

export class TokenApi {
  readonly #agent: Agent
  readonly #swarmKey: () => Uint8Array

  /** `swarmKey`: the bytes that keep strangers off the connections of now. */
  constructor(agent: Agent, swarmKey: () => Uint8Array) {
    this.#agent = agent
    this.#swarmKey = swarmKey
  }

  handlers(): Pick<Handlers, TokenRoute> {
    return {
      tokens: async ({ signal }) => {
        const { state } = await freshState(this.#agent, signal)
        const tokens = [...heldTokens(state)].sort((a, b) => a.atMs - b.atMs)
        const nowMs = this.#nowMs()
        return { schemaVersion: SCHEMA_VERSION, tokens: tokens.map((each) => shown(each, nowMs)) }
      },
      createToken: (it) => this.#create(it, 'agent'),
      createCoordinatorToken: (it) => this.#create(it, 'coordinator'),
      revokeToken: (it) => this.#revoke(it),
    }
  }

  async #create(
    {
      body,
      caller,
      signal,
      trail,
    }: Pick<Request<'createToken'>, 'body' | 'caller' | 'signal' | 'trail'>,
    role: PeerRole,
  ): Promise<RouteResponse<'createToken'>> {
    const { key, sealing } = keysIn(body)
    refuseUnfit(body)
    const { state } = await freshState(this.#agent, signal)
    const nowMs = this.#nowMs()
    refuseFull(state)
    const id = joinTokenId(key)
    const { labels, name, uses, ttlMs } = body
    const expiresMs = nowMs + ttlMs
    const token = { key, role, labels, name, uses, expiresMs, by: caller.name, atMs: nowMs }
    if (trail !== undefined) {
      const object = `${id.slice(0, idLettersShown)} (${role}, ${uses} ${uses === 1 ? 'use' : 'uses'})`
      trail.note = { ...trail.note, object, detail: `until ${formatTimestamp(expiresMs)}` }
    }
    const { code } = await applied(this.#agent, recordToken(token), signal, trail)
    if (code !== 'ok') {
      const why = code === 'conflict' ? 'there is a token with that key already' : `it said ${code}`
      throw new ApiRefusal('conflict', `the ledger did not take it: ${why}`, 'make another key')
    }
    const chance = this.#agent.ports.entropy.stream('joining').bytes(sealingLimits.chanceBytes)
    const sealed = sealedTo(sealing, this.#swarmKey(), aboutSwarmKey, chance)
    const made = { ...token, id, isRevoked: false, used: [], usedRevision: 0 }
    return {
      schemaVersion: SCHEMA_VERSION,
      token: shown(made, nowMs),
      mesh: this.#agent.trust.mesh,
      addresses: this.#addresses(),
      swarmKey: Buffer.from(sealed).toString('base64url'),
    }
  }

  async #revoke({
    parameters,
    caller,
    signal,
    trail,
  }: Request<'revokeToken'>): Promise<RouteResponse<'revokeToken'>> {
    const { state } = await freshState(this.#agent, signal)
    const { id } = tokenNamed(state, parameters.token)
    if (trail !== undefined) {
      const object = asSigned(id.slice(0, idLettersShown), parameters.token)
      trail.note = { ...trail.note, object }
    }
    const nowMs = this.#nowMs()
    const command = recordTokenRevoked(id, caller.name, nowMs)
    const { code } = await applied(this.#agent, command, signal, trail)
    const held = heldToken(this.#agent.ledger.state, id)
    if (code === 'ok' && held !== undefined) {
      return { schemaVersion: SCHEMA_VERSION, token: shown(held, nowMs) }
    }
    const why = code === 'conflict' ? 'it is revoked already' : `the ledger said ${code}`
    throw new ApiRefusal('conflict', `the token was not revoked: ${why}`, 'see skein token ls')
  }

  /** Of a few agents that live, so that the token works while any one of them does. */
  #addresses(): string[] {
    const { membership } = this.#agent
    const alive = membership.members().filter(({ state }) => state === 'alive')
    const firsts = alive.flatMap(({ profile }) => profile?.addresses.slice(0, 1) ?? [])
    const others = alive.flatMap(({ profile }) => profile?.addresses.slice(1) ?? [])
    const fitting = [
      ...this.#agent.ports.network.addresses().slice(0, 1),
      ...firsts,
      ...others,
    ].filter((address) => Buffer.byteLength(address) <= joinLimits.addressBytesMax)
    return [...new Set(fitting)].slice(0, joinLimits.addressesMax)
  }

  #nowMs(): number {
    return this.#agent.ports.clock.wall()
  }
}

function keysIn({ key: text, sealing: sealingText }: Wish): { key: PeerId; sealing: Uint8Array } {
  const key = parsePeerId(text)
  const sealing = new Uint8Array(Buffer.from(sealingText, 'base64url'))
  if (key !== undefined && sealing.length === publicKeyBytes) return { key, sealing }
  throw new ApiRefusal('badRequest', 'that is no key of a token', 'ask with skein token create')
}

function refuseUnfit({ labels, name, uses }: Wish): void {
  const refuse = (why: string, fix: string) => {
    throw new ApiRefusal('badRequest', why, fix)
  }
  const entries = Object.entries(labels)
  if (entries.length > joinLimits.labelsMax) {
    refuse(
      `a token has at most ${joinLimits.labelsMax} labels`,
      'set others with skein nodes label',
    )
  }
  for (const [label, value] of entries) {
    const read = labelKind.read(value, label)
    if (!read.ok) refuse(`the label ${label}=${value} ${read.why}`, read.fix)
  }
  if (name === undefined) return
  if (uses !== 1) refuse('several hosts cannot have one name', 'leave out the name, or the uses')
  const read = nodeName.read(name)
  if (!read.ok) refuse(`${name} ${read.why}`, read.fix)
}

function refuseFull(state: LedgerState): void {
  const { length } = [...heldTokens(state)]
  if (length < letInLimits.tokensMax) return
  const why = `the ledger holds ${length} tokens, and no more`
  throw new ApiRefusal(
    'overloaded',
    why,
    'give one of them more uses; old ones are forgotten after a day',
  )
}

function tokenNamed(state: LedgerState, reference: string): HeldToken {
  const found = [...heldTokens(state)].filter(({ id }) => id.startsWith(reference))
  const [only] = found
  if (only === undefined) {
    const why = `there is no token ${JSON.stringify(reference)}`
    throw new ApiRefusal('notFound', why, 'skein token ls shows all tokens')
  }
  if (found.length === 1) return only
  const ids = found.slice(0, candidatesMax).map(({ id }) => id.slice(0, 2 * idLettersShown))
  const why = `${JSON.stringify(reference)} fits ${found.length} tokens: ${ids.join(', ')}`
  throw new ApiRefusal('ambiguous', why, 'write more of the id')
}

function shown(token: HeldToken, nowMs: number): Shown {
  const { id, role, labels, name, uses, expiresMs, by, atMs, used } = token
  return {
    id,
    role,
    labels: { ...labels },
    ...(name === undefined ? {} : { name }),
    uses,
    usesLeft: Math.max(0, uses - used.length),
    expiresMs,
    by,
    atMs,
    state: tokenStateAt(token, nowMs),
    hosts: used.map(({ peer, ...rest }) => ({ id: peer, ...rest })),
  }
}
