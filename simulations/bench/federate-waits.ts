/**
 * What stages take with rounds beside them and without, spell by spell. The slowest of a spell are those
 * that came while something kept the mesh for a moment, which is so without rounds too, and in some
 * spells more than in others: so each spell is judged by itself, and it is told how far those alike lie
 * apart, and what the slowest waited for. Pure.
 */
import { type Figure, percentile } from './report.ts'
import type { StageTimes } from './run-times.ts'

/** Of one spell. */
type Stages = readonly StageTimes[]

/** Two spells alike differ by so much. */
const AS_WITHOUT = 1.1
export const WITHOUT = 'without rounds'
/** A quarter of the spells without rounds are worse than this one of them. */
const WORSE_SHARE = 0.75
const SLOW_SHARE = 0.99
export const AS_SPELLS_WITHOUT = `<= ${AS_WITHOUT} of those without, or as the worse of them`

const shares = [
  { share: 0.5, word: 'median' },
  { share: SLOW_SHARE, word: '99th percentile' },
] as const

const parts = [
  { part: 'unassignedMs', word: 'until it is assigned' },
  { part: 'queuedMs', word: 'on its host, for its turn' },
  { part: 'startingMs', word: 'until its program runs' },
  { part: 'runningMs', word: 'while that runs' },
  { part: 'betweenMs', word: 'all else, to its host and back' },
] as const

export function waitFigures(
  when: string,
  spells: readonly Stages[],
  without: readonly Stages[],
): Figure[] {
  return [
    ...shares.flatMap((each) => shareFigures(when, each, spells, without)),
    ...parts.map(({ part, word }) => {
      const slow = `${when}: the slowest hundredth of stages, ${word}, median`
      const of = (all: readonly Stages[]) =>
        percentile(
          all.flatMap((stages) => slowestOf(stages).map((times) => times[part])),
          0.5,
        )
      return beside(slow, of(spells), of(without))
    }),
  ]
}

function shareFigures(
  when: string,
  { share, word }: (typeof shares)[number],
  spells: readonly Stages[],
  without: readonly Stages[],
): Figure[] {
  const metric = `${when}: a stage, with what it waits, ${word}`
  const [each, eachWithout] = [spells, without].map((all) =>
    all.map((stages) => percentile(wholesOf(stages), share)),
  ) as [number[], number[]]
  const figure = beside(
    `${metric}, median of ${spells.length} spells`,
    percentile(each, 0.5),
    percentile(eachWithout, 0.5),
  )
  return [
    {
      ...figure,
      goal: AS_SPELLS_WITHOUT,
      holds: figure.value <= mostAsWithout(eachWithout),
    },
    beside(`${metric}, best spell`, Math.min(...each), Math.min(...eachWithout)),
    beside(`${metric}, worst spell`, Math.max(...each), Math.max(...eachWithout)),
  ]
}

/** What the median of spells may be at most, by what spells without rounds were. */
export function mostAsWithout(eachWithout: readonly number[]): number {
  return Math.max(AS_WITHOUT * percentile(eachWithout, 0.5), percentile(eachWithout, WORSE_SHARE))
}

/** Those that take as long as the 99th percentile, or longer. */
function slowestOf(stages: Stages): Stages {
  const least = percentile(wholesOf(stages), SLOW_SHARE)
  return stages.filter(({ wholeMs }) => wholeMs >= least)
}

function wholesOf(stages: Stages): number[] {
  return stages.map(({ wholeMs }) => wholeMs)
}

function beside(metric: string, value: number, peerValue: number) {
  const ratio = peerValue === 0 ? {} : { ratio: value / peerValue }
  return { metric, unit: 'ms', value, peer: WITHOUT, peerValue, ...ratio }
}
