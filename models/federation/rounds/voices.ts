/**
 * Whose word counts when hosts say whether they are better off. What is good for most is good for an
 * honest host while there is much to be learned; who says the opposite then is not heard: else so many
 * of the others have to be left out of each mean, the worst off among them, and a model that ruins two
 * hosts of seven passes for a better one.
 *
 * A word weighs as much as was at stake: the first rounds, in which all gain much, tell more than many
 * later ones. So nobody who has agreed then is silenced for losing later by what is good for others.
 *
 * Words are of two kinds. With what is new beside what was: there an honest host whose work is unlike
 * that of others speaks against them as a liar does, for it loses where they gain. And with one half of a
 * round beside the other: there it is of one mind with them, for the half in which somebody lies is the
 * worse one for both; and a liar, who has to praise it, is not.
 */
import { median } from '../../measures/quantiles.ts'
import { type Losses, sharesOf } from './votes.ts'

/** How much of an older word is left with each newer one: a hundred halve it. */
const kept = 0.993
/** Of fewer words nothing is said of anybody. */
const wordsMin = 3
/** In deviations, if words were of chance: to be against the others, and to stay so. */
const clearly = 0.5
const still = 0

type Said<Id> = ReadonlyMap<Id, number>

/** How far hosts are off, as they say. */
export interface Words<Id> {
  readonly before: Said<Id>
  readonly after: Said<Id>
  /** Where the round was in halves. */
  readonly halves: readonly [Said<Id>, Said<Id>] | undefined
}

interface Agreement {
  readonly words: number
  readonly sum: number
  readonly squares: number
}

export class Voices<Id extends string> {
  readonly #agreements = new Map<Id, Agreement>()
  #against: readonly Id[] = []

  /** Those whose words go against those of most, the worst first. */
  get against(): readonly Id[] {
    return this.#against
  }

  /** What each says of a round: of what came of it beside what was, and of one half beside the other. */
  toldOf({ before, after, halves }: Words<Id>): void {
    if (halves !== undefined) this.told(sharesOf(...halves))
    this.told(sharesOf(after, before))
  }

  /** By what share each says that it is better off with the one than with the other, as a logarithm. */
  told(gains: ReadonlyMap<Id, number>): void {
    if (gains.size === 0) return
    const most = median([...gains.values()])
    for (const [host, gain] of gains) {
      const { words, sum, squares } = this.#agreements.get(host) ?? nothing
      const agrees = gain * most
      this.#agreements.set(host, {
        words: words + 1,
        sum: kept * sum + agrees,
        squares: kept ** 2 * squares + agrees ** 2,
      })
    }
    this.#against = this.#judged()
  }

  #judged(): Id[] {
    const before = new Set(this.#against)
    return [...this.#agreements]
      .filter(([, { words, squares }]) => words >= wordsMin && squares > 0)
      .map(([host, { sum, squares }]) => ({ host, far: -sum / Math.sqrt(squares) }))
      .filter(({ host, far }) => far > (before.has(host) ? still : clearly))
      .sort((a, b) => b.far - a.far)
      .map(({ host }) => host)
  }
}

const nothing: Agreement = { words: 0, sum: 0, squares: 0 }

export interface Heard {
  readonly losses: Losses
  /** So many of those that are heard may still lie. */
  readonly liarsMax: number
}

/**
 * Without those against the others, the worst first: no more than may lie, and so few that those who
 * are heard are more than twice as many as may lie, whoever they are.
 */
export function heardOf(losses: Losses, against: readonly string[], liarsMax: number): Heard {
  const most = Math.max(0, Math.min(liarsMax, losses.size - (2 * liarsMax + 1)))
  const hosts: ReadonlySet<string> = new Set(losses.keys())
  const out = new Set(against.filter((host) => hosts.has(host)).slice(0, most))
  if (out.size === 0) return { losses, liarsMax }
  return {
    losses: new Map([...losses].filter(([host]) => !out.has(host))),
    liarsMax: Math.max(borneMin, liarsMax - out.size),
  }
}

/** Of those that are heard one may lie whoever is not heard: it may be the wrong one. */
const borneMin = 1
