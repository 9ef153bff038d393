/** How far each of several learners is off, by application and for all, of late. */
import { Track } from '../features/track.ts'
import { logOf, rangeLoss } from '../measures/duration.ts'
import type { Range, Row } from '../rows.ts'

/** A model must be better by this share than what is plain, so that it is not chance. */
const BETTER_BY = 0.05
/** So that what was two hundred attempts ago counts a seventh. */
const KEEP = 0.99
/** What is known of all applications counts as so many attempts of one. */
const DOUBT = 20
/** Of which something is known; beyond, they are looked at anew. */
const GROUPS_MAX = 10_000
/** No one attempt says more than this against who was wrong. */
const LOSS_MAX = 2

export class Odds {
  readonly #size: number
  readonly #all: readonly Track[]
  readonly #groups = new Map<string, readonly Track[]>()

  /** The first of so many is the plain one. */
  constructor(size: number) {
    this.#size = size
    this.#all = this.#tracks()
  }

  /** Judges only where all had something to say. */
  judge({ group, startedMs, endedMs }: Row, said: readonly (Range | undefined)[]): void {
    if (said.some((range) => range === undefined)) return
    let tracks = this.#groups.get(group)
    if (tracks === undefined) {
      tracks = this.#tracks()
      if (this.#groups.size >= GROUPS_MAX) this.#groups.clear()
      this.#groups.set(group, tracks)
    }
    const actual = logOf(endedMs - startedMs)
    for (const [i, range] of said.entries()) {
      const loss = Math.min(LOSS_MAX, rangeLoss(range as Range, actual))
      this.#all[i]?.add(loss)
      tracks[i]?.add(loss)
    }
  }

  /** What is plain, until another has been better. */
  best(group: string): number {
    const tracks = this.#groups.get(group)
    const losses = this.#all.map((track, i) => {
      const ofAll = track.away(0, Number.MIN_VALUE)
      return tracks?.[i]?.away(ofAll, DOUBT) ?? ofAll
    })
    let best = 0
    let least = (losses[0] as number) * (1 - BETTER_BY)
    for (let i = 1; i < losses.length; i++) {
      if ((losses[i] as number) < least) [best, least] = [i, losses[i] as number]
    }
    return best
  }

  #tracks(): readonly Track[] {
    return Array.from({ length: this.#size }, () => new Track(KEEP))
  }
}
