/**
 * Rounds as the ledger tells of them, decoded no more often than they change: whoever looks again and
 * again reads only what is new, and of all that there are only those that were asked for.
 */
import type { LedgerState } from '../../../protocol/ledger/state.ts'
import { roundsLimits } from './limits.ts'
import { type ReadRound, type Round, type Rounds, revisionOf, roundIn, roundsIn } from './rows.ts'

export class DecodedRounds {
  /** Those that were read last are at the end. */
  readonly #known = new Map<number, Round>()
  readonly #read: ReadRound

  constructor(readRound: ReadRound = roundIn) {
    this.#read = readRound
  }

  round(state: LedgerState, number: number): Round | undefined {
    const known = this.#known.get(number)
    const round = known?.revision === revisionOf(state, number) ? known : this.#read(state, number)
    this.#known.delete(number)
    if (round === undefined) return undefined
    this.#known.set(number, round)
    const [oldest] = this.#known.keys()
    if (this.#known.size > roundsLimits.roundsMax && oldest !== undefined) {
      this.#known.delete(oldest)
    }
    return round
  }

  in(state: LedgerState): Rounds {
    return roundsIn(state, (of, number) => this.round(of, number))
  }

  /** Newest first, and no more than so many. */
  last(state: LedgerState, most: number): Round[] {
    const { number } = this.in(state).tally
    const numbers = Array.from({ length: Math.min(most, number) }, (_, i) => number - i)
    return numbers.flatMap((each) => this.round(state, each) ?? [])
  }

  /** Hosts that were found to lie under masks in one of the last rounds. */
  liarsOfLate(state: LedgerState): ReadonlySet<string> {
    const hosts = this.last(state, roundsLimits.liarRounds).flatMap((round) => round.hosts)
    return new Set(hosts.flatMap(({ id, lied }) => (lied === true ? [id] : [])))
  }
}
