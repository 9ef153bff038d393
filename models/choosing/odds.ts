/** How far each of several learners was off on trial, and is of late, by application. */
import { Track } from '../features/track.ts'
import { logOf, rangeLoss } from '../measures/duration.ts'
import type { Range, Row } from '../rows.ts'

/** A model must be better by this share than what is plain, so that it is not chance. */
const BETTER_BY = 0.05
/** Of late: what was two hundred attempts ago counts a seventh. */
const KEEP = 0.99
/** What is known of all applications counts as so many attempts of one. */
const DOUBT = 20
/** What was found on trial counts as so many attempts of late, of which there are a hundred. */
const TRIAL_COUNTS = 50
/** Of which something is known; beyond, they are looked at anew. */
const GROUPS_MAX = 10_000
/** No one attempt says more than this against who was wrong. */
const LOSS_MAX = 2

/** `trial`: all attempts count the same. */
export type Stage = 'trial' | 'life'

interface Tracks {
  readonly trial: readonly Track[]
  readonly life: readonly Track[]
}

export class Odds {
  readonly #size: number
  readonly #all: readonly Track[]
  readonly #groups = new Map<string, Tracks>()

  /** The first of so many is the plain one. */
  constructor(size: number) {
    this.#size = size
    this.#all = this.#tracks(1)
  }

  /** Judges only where all had something to say. */
  judge({ group, startedMs, endedMs }: Row, said: readonly (Range | undefined)[], stage: Stage) {
    if (said.some((range) => range === undefined)) return
    let tracks = this.#groups.get(group)
    if (tracks === undefined) {
      tracks = { trial: this.#tracks(1), life: this.#tracks(KEEP) }
      if (this.#groups.size >= GROUPS_MAX) this.#groups.clear()
      this.#groups.set(group, tracks)
    }
    const actual = logOf(endedMs - startedMs)
    for (const [i, range] of said.entries()) {
      const loss = Math.min(LOSS_MAX, rangeLoss(range as Range, actual))
      if (stage === 'trial') this.#all[i]?.add(loss)
      tracks[stage][i]?.add(loss)
    }
  }

  /** What is plain, until another has been better. */
  best(group: string): number {
    const tracks = this.#groups.get(group)
    const losses = this.#all.map((track, i) => {
      const ofAll = track.away(0, Number.MIN_VALUE)
      const onTrial = tracks?.trial[i]?.away(ofAll, DOUBT) ?? ofAll
      return tracks?.life[i]?.away(onTrial, TRIAL_COUNTS) ?? onTrial
    })
    let best = 0
    let least = (losses[0] as number) * (1 - BETTER_BY)
    for (let i = 1; i < losses.length; i++) {
      if ((losses[i] as number) < least) [best, least] = [i, losses[i] as number]
    }
    return best
  }

  #tracks(keep: number): readonly Track[] {
    return Array.from({ length: this.#size }, () => new Track(keep))
  }
}
