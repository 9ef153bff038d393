/**
 * Asks a learner of what it has not seen. `once`: it learns from what is known, and is told nothing
 * more. `living`: it is told of each row that is held back when it has ended, before it is asked of
 * the next, as an agent is. It never sees how something ends before it is asked of it.
 */
import type { Judged } from '../measures/duration.ts'
import type { Learner, Living, Predictor, Question, Range, Row } from '../rows.ts'
import { byEnd, type Split } from './splits.ts'

export type Way = 'once' | 'living'

export interface Answers {
  readonly learner: string
  /** One for each row that is held back. */
  readonly ranges: readonly (Range | undefined)[]
}

export async function ask(learner: Learner, split: Split, way: Way): Promise<Answers> {
  const predictor = await learner.fit(split.known)
  const questions = split.held.map(questionOf)
  const ranges = isLiving(predictor, way)
    ? await livingAnswers(predictor, split.held, questions)
    : await predictor.predict(questions)
  return { learner: learner.name, ranges }
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
  const ending = held.toSorted(byEnd)
  const ranges: (Range | undefined)[] = []
  let told = 0
  for (let from = 0; from < held.length; ) {
    const { startedMs } = held[from] as Row
    let to = from
    while (to < held.length && (held[to] as Row).startedMs === startedMs) to++
    const before = told
    while (told < ending.length && hasEnded(ending[told] as Row, startedMs)) told++
    predictor.tell(ending.slice(before, told))
    ranges.push(...(await predictor.predict(questions.slice(from, to))))
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

export function judgedOf(
  answers: Answers,
  held: readonly Row[],
  which: (i: number) => boolean = () => true,
): Judged[] {
  return held.flatMap(({ startedMs, endedMs }, i) => {
    const range = answers.ranges[i]
    return range === undefined || !which(i) ? [] : [{ range, actualMs: endedMs - startedMs }]
  })
}
