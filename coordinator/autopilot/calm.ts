/**
 * Whether anything can have changed that decides who should vote. Where all hosts are there, steady
 * and known, and there was nothing to do, there is nothing to do until something of that is other:
 * it is seen by a glance, and all is looked at again only then, or after a while.
 */
import type { Other } from '../../agent/membership/service.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { AutopilotLimits } from './limits.ts'
import type { Candidate } from './plan.ts'

/** In the ledger's configuration, by node: `never` bars it from voting. */
export const VOTING_KEY = 'voting/'

/** Where a glance goes. */
export interface Around {
  readonly self: PeerId
  nowMs(): number
  others(): Iterable<Pick<Other, 'id' | 'state'> & { digest: Pick<Other['digest'], 'ledger'> }>
  isRevoked(peer: PeerId): boolean
  state(): LedgerState
}

interface Seen {
  readonly config: Config
  /** Of all others, with what each said of its disk. */
  readonly storageOf: ReadonlyMap<PeerId, number | undefined>
  /** What the ledger says of who is to vote, as of an entry. */
  readonly orders: string
  readonly untilMs: number
}

export class Calm {
  readonly #around: Around
  readonly #limits: AutopilotLimits
  readonly #calmMs: number
  #seen: Seen | undefined
  /** The entry as of which the orders were read. */
  #readAt = -1

  constructor(around: Around, limits: AutopilotLimits, calmMs: number) {
    this.#around = around
    this.#limits = limits
    this.#calmMs = calmMs
  }

  /** Nothing is other than when there was nothing to do. */
  lasts(config: Config | undefined): boolean {
    const seen = this.#seen
    const around = this.#around
    if (seen === undefined || seen.config !== config || around.nowMs() >= seen.untilMs) return false
    if (around.isRevoked(around.self)) return false
    let others = 0
    for (const { id, state, digest } of around.others()) {
      others++
      if (state !== 'alive' || !seen.storageOf.has(id)) return false
      const { ledger } = digest
      if (seen.storageOf.get(id) !== (ledger?.stopped ? undefined : ledger?.storage)) return false
      if (around.isRevoked(id)) return false
    }
    return others === seen.storageOf.size && this.#sameOrders(seen.orders)
  }

  /** All was looked at; `isDone`: and there was nothing to do. */
  looked(
    { config, lastIndex }: Pick<RaftStatus, 'config' | 'lastIndex'>,
    candidates: readonly Candidate[],
    isDone: boolean,
  ): void {
    const { self, nowMs, state } = this.#around
    this.#seen = undefined
    if (!isDone || config.outgoing.length > 0) return
    if (!candidates.every((candidate) => this.#isSteady(candidate, lastIndex))) return
    const others = candidates.filter(({ id }) => id !== self)
    const known = new Set(candidates.map(({ id }) => id))
    if (![...config.voters, ...config.learners].every(({ id }) => known.has(id))) return
    this.#readAt = state().index
    this.#seen = {
      config,
      storageOf: new Map(others.map(({ id, storage }) => [id, storage])),
      orders: this.#orders(),
      untilMs: nowMs() + this.#calmMs,
    }
  }

  /** It becomes nothing else by time alone, within the time of calm. */
  #isSteady(candidate: Candidate, lastIndex: number): boolean {
    const { steadyMs, goneMs, lagEntriesMax } = this.#limits
    const { state, stateAgeMs, silentMs, storage, coordinator, match } = candidate
    if (state !== 'alive' || stateAgeMs < steadyMs || candidate.revoked) return false
    if (storage === undefined || coordinator === undefined) return false
    return silentMs < goneMs - this.#calmMs && lastIndex - match <= lagEntriesMax
  }

  #sameOrders(orders: string): boolean {
    const { index } = this.#around.state()
    if (index === this.#readAt) return true
    this.#readAt = index
    return this.#orders() === orders
  }

  #orders(): string {
    const { items } = read(this.#around.state(), { kind: 'configList', prefix: VOTING_KEY }).value
    return items.map(({ key, value }) => `${key}=${value}`).join(' ')
  }
}
