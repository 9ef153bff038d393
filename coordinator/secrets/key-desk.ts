/**
 * What whoever leads does for the mesh key: every voter has a copy and nobody else, and another key
 * takes its place when a person wishes it, and by itself when the key of a host that had it is taken
 * back. Then all that stands in the ledger under the one before is sealed anew, row by row, each only
 * where nobody has changed it since; when nothing is left, the one before is forgotten. What is in the
 * ledger is what a new leader goes on from.
 */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import type { Leadership } from '../../protocol/ledger/ledger.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { type AuditNote, fitted } from '../audit/deed.ts'
import { lookAfter } from '../looking-after.ts'
import {
  copyFor,
  formerHoldersOf,
  type HeldMeshKey,
  holdersOf,
  keysInUse,
  leftovers,
  meshKeyIn,
  putCopy,
  putMeshKey,
  takeCopy,
  wishOf,
} from './key-rows.ts'
import { secretLimits } from './limits.ts'
import type { MeshKey } from './mesh-key.ts'
import { type SealedAt, sealedRowAt, standingUnder } from './places.ts'
import type { MeshKeyId } from './sealed.ts'

export class MeshKeyDesk {
  readonly #agent: Agent
  readonly #meshKey: MeshKey

  constructor(agent: Agent, meshKey: MeshKey) {
    this.#agent = agent
    this.#meshKey = meshKey
  }

  lead(turn: Leadership): void {
    lookAfter({ clock: this.#agent.ports.clock, log: this.#log }, turn, {
      what: 'the key of secrets',
      everyMs: secretLimits.lookMs,
      look: (over) => this.#look(over),
    })
  }

  async #look(over: AbortSignal): Promise<void> {
    if (meshKeyIn(this.#state) === undefined) return
    await this.#spread()
    await this.#sweep()
    const row = meshKeyIn(this.#state)
    if (row === undefined || over.aborted) return
    if (row.was === undefined && !(await this.#replace(row))) return
    const now = meshKeyIn(this.#state)
    if (now?.was !== undefined) await this.#reseal(now, now.was, over)
  }

  // ── Who has it ────────────────────────────────────────────────────────────────────────────────

  /** Every voter has a copy of each key in use; when all do, nobody's is left who votes no more. */
  async #spread(): Promise<void> {
    const voters = this.#meshKey.voters()
    const ids = keysInUse(this.#state)
    const lacks = (peer: PeerId) => ids.filter((id) => !copyFor(this.#state, id, peer))
    const lacking = voters.filter((peer) => lacks(peer).length > 0)
    await Promise.all(lacking.map((peer) => this.#give(peer, lacks(peer))))
    if (voters.length === 0 || voters.some((peer) => lacks(peer).length > 0)) return
    for (const id of ids) {
      for (const peer of holdersOf(this.#state, id)) {
        if (!voters.includes(peer)) await this.#append(takeCopy(id, peer))
      }
    }
  }

  async #give(peer: PeerId, ids: readonly MeshKeyId[]): Promise<void> {
    const publicKey = await this.#meshKey.publicKeyOf(peer)
    if (publicKey === undefined) return
    for (const id of ids) {
      const copy = (await this.#meshKey.has(id)) ? this.#meshKey.copyOf(id, publicKey) : undefined
      const isDue = keysInUse(this.#state).includes(id) && this.#meshKey.isVoter(peer)
      if (copy !== undefined && isDue) await this.#append([putCopy(id, peer, copy)])
    }
  }

  /** What tells of keys that are over; most of it has gone with them. */
  async #sweep(): Promise<void> {
    const old = [...leftovers(this.#state)].slice(0, secretLimits.forgottenAtOnce)
    if (old.length > 0) await this.#append(old)
  }

  // ── Another one ───────────────────────────────────────────────────────────────────────────────

  /** Whether another one is there now. */
  async #replace(row: HeldMeshKey): Promise<boolean> {
    const due = this.#dueFor(row)
    const publicKeys = due && (await this.#meshKey.publicKeys())
    if (due === undefined || publicKeys === undefined) return false
    const madeMs = Math.max(this.#agent.ports.clock.wall(), row.madeMs + 1)
    const { revision, id: was } = row
    const { id, commands } = this.#meshKey.another({ madeMs, ...due, was, revision }, publicKeys)
    return this.#decide('secretsKey.made', id, due, commands)
  }

  #dueFor(row: HeldMeshKey): { by: string; why: string } | undefined {
    const lost = revokedHolders(this.#agent, row.id)
    if (lost.length > 0) {
      const names = lost.slice(0, secretLimits.namedMax).map((id) => this.#nameOf(id))
      const more = lost.length > names.length ? ` and ${lost.length - names.length} more` : ''
      const why = `${names.join(', ')}${more} had the one before and ${lost.length === 1 ? 'was' : 'were'} revoked`
      return { by: `agent ${this.#nameOf(this.#agent.id)}`, why }
    }
    const wish = wishOf(this.#state, row.id)
    return wish && { by: wish.by, why: 'it was asked for' }
  }

  // ── What stands under the one before ──────────────────────────────────────────────────────────

  async #reseal(row: HeldMeshKey, was: MeshKeyId, over: AbortSignal): Promise<void> {
    // Without them nothing can be opened: whoever leads next may have them.
    if (!(await this.#meshKey.has(was)) || !(await this.#meshKey.has(row.id))) {
      this.#log.warn('what stands under the key of secrets before cannot be opened here')
      return
    }
    for (const at of standingUnder(this.#state, was)) {
      if (over.aborted) return
      await this.#resealAt(at, was)
    }
    if (over.aborted || meshKeyIn(this.#state)?.revision !== row.revision) return
    const left = standingUnder(this.#state, was)
    for (const at of left) if (await this.#canBeOpened(at)) return
    await this.#forget(row, was, left.length)
  }

  async #resealAt(at: SealedAt, was: MeshKeyId): Promise<void> {
    const row = sealedRowAt(this.#state, at)
    if (row?.sealing.key !== was) return
    const value = await this.#meshKey.open(row.packed, row.about)
    const packed = value && (await this.#meshKey.seal(value, row.about, true))
    value?.fill(0)
    // Where somebody has just set it, that is under the key of now.
    if (packed !== undefined) await this.#append([row.with(packed)])
  }

  /** What nobody can open, with the key that it names, is not waited for. */
  async #canBeOpened(at: SealedAt): Promise<boolean> {
    const row = sealedRowAt(this.#state, at)
    const value = row && (await this.#meshKey.open(row.packed, row.about))
    value?.fill(0)
    return value !== undefined
  }

  async #forget({ was: _, ...row }: HeldMeshKey, was: MeshKeyId, spoilt: number): Promise<void> {
    const isDone = await this.#decide('secretsKey.alone', row.id, row, [putMeshKey(row)])
    if (!isDone) return
    this.#meshKey.forget()
    this.#log.info('a key of secrets is forgotten', { was, spoilt })
    await this.#sweep()
  }

  // ──────────────────────────────────────────────────────────────────────────────────────────────

  /** With its record in the audit log. Agents tell of it as they see it come (`key-news.ts`). */
  #decide(
    verb: string,
    id: MeshKeyId,
    { by, why }: { by: string; why: string },
    commands: SimpleCommand[],
  ): Promise<boolean> {
    const name = this.#nameOf(this.#agent.id)
    const note = {
      actor: `agent ${name}`,
      verb,
      object: `key of secrets ${id}`,
      from: name,
      detail: `for ${by}: ${why}`,
    }
    return this.#append(commands, fitted(note))
  }

  async #append(commands: SimpleCommand[], audit?: AuditNote): Promise<boolean> {
    const value = { commands, ...(audit === undefined ? {} : { audit }) }
    const batch = { kind: 'batch' as const, value }
    const timeoutMs = secretLimits.askMs
    const outcome = await this.#agent.ledger.append(batch, { timeoutMs })
    return outcome.kind === 'applied' && outcome.result.code === 'ok'
  }

  #nameOf(peer: PeerId): string {
    return this.#agent.membership.nameOf(peer)
  }

  get #state(): LedgerState {
    return this.#agent.ledger.state
  }

  get #log() {
    return this.#agent.ports.log.child('secrets')
  }
}

/** Who has that key, or had it, and was taken back. */
export function revokedHolders(agent: Agent, id: MeshKeyId): PeerId[] {
  const { state } = agent.ledger
  const all = [...holdersOf(state, id), ...formerHoldersOf(state, id)]
  return all.filter((peer) => agent.revokedPeer(peer) !== undefined)
}
