/**
 * How near chances of success come, on what was held back and as an agent is asked: of each attempt
 * before it begins, and told of those that have ended by then. Beside them what is plain: the share
 * of all that succeeded, and that of its kind.
 */
import { brier, type Chance, type Reliability, reliability } from '../measures/chance.ts'
import { levelsOf } from '../profiles/levels.ts'
import { profileLimits } from '../profiles/limits.ts'
import type { Row } from '../rows.ts'
import { Chances } from '../success/chances.ts'
import { byEnd, type Split } from './splits.ts'

export interface SuccessJudged {
  readonly held: number
  readonly failed: number
  /** Of those, nobody had ground to say anything; they are not judged. */
  readonly unknown: number
  readonly lines: readonly { readonly learner: string; readonly brier: number }[]
  /** Of the last of the lines. */
  readonly reliability: readonly Reliability[]
}

const learners = ['share of all', 'share of its kind', 'as said', 'made to hold'] as const

/** Undefined where nothing failed, or nothing else: there is nothing to tell apart. */
export function judgedSuccess({ known, held }: Split): SuccessJudged | undefined {
  const failed = held.filter(({ ended }) => ended === 'failed').length
  if (failed === 0 || failed === held.length) return undefined
  const sayer = new Sayer()
  for (const row of [...known].sort(byEnd)) sayer.learn(row)
  const ending = [...held].sort(byEnd)
  const said: Chance[][] = learners.map(() => [])
  let told = 0
  let unknown = 0
  for (const row of [...held].sort((a, b) => a.startedMs - b.startedMs)) {
    for (let next = ending[told]; next !== undefined && hasEnded(next, row); next = ending[told]) {
      sayer.learn(next)
      told++
    }
    const shares = sayer.said(row)
    if (shares === undefined) unknown++
    else {
      const happened = row.ended === 'succeeded'
      for (const [i, share] of shares.entries()) said[i]?.push({ said: share, happened })
    }
  }
  const lines = learners.flatMap((learner, i) => {
    const of = brier(said[i] ?? [])
    return of === undefined ? [] : [{ learner, brier: of }]
  })
  return { held: held.length, failed, unknown, lines, reliability: reliability(said.at(-1) ?? []) }
}

function hasEnded(row: Row, { startedMs }: Row): boolean {
  return row.endedMs <= startedMs && row.startedMs < startedMs
}

interface Count {
  good: number
  tried: number
}

class Sayer {
  readonly #chances = new Chances()
  readonly #counts = new Map<string, Count>()
  readonly #all: Count = { good: 0, tried: 0 }

  learn(row: Row): void {
    this.#chances.learn(row)
    const good = Number(row.ended === 'succeeded')
    const add = (count: Count): void => {
      count.good += good
      count.tried++
    }
    add(this.#all)
    for (const { key } of levelsOf(row.group, row.task)) {
      const count = this.#counts.get(key) ?? { good: 0, tried: 0 }
      this.#counts.set(key, count)
      add(count)
    }
  }

  /** In the order of `learners`; undefined where one of them has no ground. */
  said({ group, task }: Row): readonly number[] | undefined {
    const chances = this.#chances.said(group, task)
    const kind = levelsOf(group, task)
      .map(({ key }) => this.#counts.get(key))
      .find((count) => count !== undefined && count.tried >= profileLimits.groundMin)
    if (chances === undefined || kind === undefined) return undefined
    const share = ({ good, tried }: Count) => good / tried
    return [share(this.#all), share(kind), chances.raw, chances.held]
  }
}
