/**
 * Learners side by side on what was held back: how far each is off where all have an answer, and
 * wherever it has one itself. A learner that knows little must not look good by being silent.
 */
import { type DurationErrors, durationErrors, type Judged } from '../measures/duration.ts'
import type { Learner, Range, Row } from '../rows.ts'
import { answersOf, type Way } from './ask.ts'
import type { Split } from './splits.ts'

/** What a learner said of each row that was held back, in each way of asking. */
export interface Heard {
  readonly learner: string
  readonly said: Readonly<Record<Way, readonly (Range | undefined)[]>>
}

export interface Line {
  readonly learner: string
  /** It said nothing of so many. */
  readonly unknown: number
  /** Of those that all have an answer to; undefined where there are none. */
  readonly common: DurationErrors | undefined
  /** Of those that it has an answer to. */
  readonly own: DurationErrors | undefined
}

export async function hear(learner: Learner, { known, held }: Split): Promise<Heard> {
  const predictor = await learner.fit(known)
  // In this order: what it is told when it lives on is not forgotten.
  const once = await answersOf(predictor, held, 'once')
  const living = await answersOf(predictor, held, 'living')
  return { learner: learner.name, said: { once, living } }
}

export interface Hearing {
  readonly held: readonly Row[]
  readonly heard: readonly Heard[]
}

/** Of several splits together; all of them asked the same learners. */
export function linesOf(
  hearings: readonly Hearing[],
  way: Way,
  isAsked: (row: Row) => boolean = () => true,
): Line[] {
  const learners = hearings[0]?.heard.map(({ learner }) => learner) ?? []
  return learners.map((learner, which) => {
    const [common, own]: [Judged[], Judged[]] = [[], []]
    let unknown = 0
    for (const { held, heard } of hearings) {
      for (const [i, row] of held.entries()) {
        if (!isAsked(row)) continue
        const range = heard[which]?.said[way][i]
        if (range === undefined) unknown++
        else {
          const judged = { range, actualMs: row.endedMs - row.startedMs }
          own.push(judged)
          if (heard.every(({ said }) => said[way][i] !== undefined)) common.push(judged)
        }
      }
    }
    return { learner, unknown, common: durationErrors(common), own: durationErrors(own) }
  })
}
