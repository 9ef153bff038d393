/**
 * Asks a learner of what it has not seen. `once`: it learns from what is known, and is told nothing
 * more. `living`: it is told of each row that is held back when it has ended, before it is asked of
 * the next, as an agent is. It never sees how something ends before it is asked of it.
 */
import type { Living, Predictor, Question, Range, Row } from '../rows.ts'
import { byEnd } from './splits.ts'

export const ways = ['once', 'living'] as const
export type Way = (typeof ways)[number]

/** One for each of the rows, which are in the order of their starts. */
export async function answersOf(
  predictor: Predictor,
  held: readonly Row[],
  way: Way,
): Promise<readonly (Range | undefined)[]> {
  const questions = held.map(questionOf)
  if (isLiving(predictor, way)) return livingAnswers(predictor, held, questions)
  return predictor.predict(questions)
}

function isLiving(predictor: Predictor, way: Way): predictor is Living {
  return way === 'living' && 'tell' in predictor
}

/** Those that begin at one moment are asked of together. */
async function livingAnswers(
  predictor: Living,
  held: readonly Row[],
  questions: readonly Question[],
): Promise<(Range | undefined)[]> {
  const ending = [...held.keys()].sort((a, b) => byEnd(held[a] as Row, held[b] as Row))
  const ranges: (Range | undefined)[] = []
  let told = 0
  for (let from = 0; from < held.length; ) {
    const { startedMs } = held[from] as Row
    let to = from
    while (to < held.length && (held[to] as Row).startedMs === startedMs) to++
    const before = told
    while (told < ending.length && hasEnded(held[ending[told] as number] as Row, startedMs)) told++
    const ended = ending.slice(before, told)
    if (ended.length > 0) {
      predictor.tell(
        ended.map((i) => held[i] as Row),
        ended.map((i) => questions[i]),
      )
    }
    for (const range of await predictor.predict(questions.slice(from, to))) ranges.push(range)
    from = to
  }
  return ranges
}

/** What begins at this moment has not ended, even where it takes no time. */
function hasEnded(row: Row, atMs: number): boolean {
  return row.endedMs <= atMs && row.startedMs < atMs
}

/** Nothing else of a row is shown to who is asked. */
export function questionOf(row: Row): Question {
  const { task, group, host, hostSpeed, load, cpus, memoryBytes, inputBytes, inputFiles } = row
  return {
    ...{ task, group, host },
    ...(hostSpeed === undefined ? {} : { hostSpeed }),
    ...(load === undefined ? {} : { load }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(inputBytes === undefined ? {} : { inputBytes }),
    ...(inputFiles === undefined ? {} : { inputFiles }),
  }
}
