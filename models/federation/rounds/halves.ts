/**
 * Who is summed with whom. Under masks nobody sees whose update makes a model worse, but hosts can
 * say which of two sums they are better off with. So a round is done in two halves, drawn anew each
 * time, and what a host is worth to the others is worked out of all these games (`ratings.ts`).
 *
 * Who is worth much less than is usual, and clearly so, is left out of most rounds. Some rounds are
 * with all, by lot: who is wronged, or well again, comes back.
 */
import { type Entropy, shuffle } from '../../../protocol/ports/entropy.ts'
import { federationLimits } from '../limits.ts'
import { Ratings } from './ratings.ts'

/** How many rounds are with all, also those who are left out else. */
export const withAll = 0.25

/** Two, or all in one where two would be too few each. Each in the order of names. */
export function halved<Id extends string>(
  hosts: readonly Id[],
  chance: Entropy,
): readonly (readonly Id[])[] {
  const drawn = shuffle(chance, [...hosts])
  const smaller = drawn.length >> 1
  if (smaller < federationLimits.clientsMin) return [drawn.sort()]
  return [drawn.slice(smaller).sort(), drawn.slice(0, smaller).sort()]
}

export class Halves<Id extends string> {
  readonly #leftOutMax: number
  readonly #chance: Entropy
  readonly #ratings: Ratings<Id>
  #suspects: ReadonlySet<Id> = new Set()

  constructor(hosts: readonly Id[], leftOutMax: number, chance: Entropy) {
    this.#leftOutMax = leftOutMax
    this.#chance = chance
    this.#ratings = new Ratings(hosts)
  }

  draw(present: readonly Id[]): readonly (readonly Id[])[] {
    const suspects = this.#chance.unit() < withAll ? new Set<Id>() : this.#suspects
    return halved(
      present.filter((host) => !suspects.has(host)),
      this.#chance,
    )
  }

  /** `by`: by what share hosts were better off with the first; less than 0 where it lost. */
  played(first: readonly Id[], second: readonly Id[], by: number): void {
    this.#ratings.played(first, second, by)
    this.#suspects = this.#ratings.suspects(this.#suspects, this.#leftOutMax)
  }

  /** The worst first, and no more than may be left out. */
  get suspects(): ReadonlySet<Id> {
    return this.#suspects
  }
}
