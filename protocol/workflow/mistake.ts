/**
 * What is wrong with a workflow: collected, not thrown, so that all of it is told at once. A mistake
 * has a place in the file and a path in the workflow, and says what to write instead.
 */
import { workflowLimits as limits } from './limits.ts'

export type MistakeCode =
  | 'tooLarge'
  | 'tooDeep'
  | 'tooMany'
  | 'notYaml'
  | 'duplicateKey'
  | 'unknownKey'
  | 'missingKey'
  | 'wrongType'
  | 'badValue'
  | 'badName'
  | 'badExpression'
  | 'unknownStage'
  | 'badNeed'
  | 'cycle'
  | 'notBefore'
  | 'stepKind'
  | 'meaningless'
  | 'contradiction'
  | 'badScript'

export interface Mistake {
  readonly code: MistakeCode
  /** From 1, as editors count. */
  readonly line: number
  readonly column: number
  /** `stages.build.needs[1]`; empty for the whole. */
  readonly path: string
  /** A clause without a full stop. */
  readonly message: string
  /** What to do, or what was probably meant. */
  readonly hint?: string
}

/** Where in the workflow: from the outermost key in. */
export type Path = readonly (string | number)[]

export function pathText(path: Path): string {
  return path
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `[${quote(key)}]`
      return i === 0 ? key : `.${key}`
    })
    .join('')
}

/** Text from the file, short enough and harmless to a terminal. */
export function quote(text: string): string {
  const short =
    text.length > limits.quoteLengthMax ? `${text.slice(0, limits.quoteLengthMax)}…` : text
  return JSON.stringify(short)
}

export type Hint = string | (() => string | undefined) | undefined

export class Mistakes {
  private readonly lineStarts: readonly number[]
  private readonly kept: { mistake: Mistake; at: number }[] = []
  /** Those that were not kept; there may be still more, that were not looked for. */
  more = 0

  /** `lineStarts`: where each line of the file begins. */
  constructor(lineStarts: readonly number[]) {
    this.lineStarts = lineStarts
  }

  /** Place and hint may take a search, which is made only for a mistake that is kept. */
  add(
    code: MistakeCode,
    where: number | (() => number),
    path: Path,
    message: string,
    hint?: Hint,
  ): void {
    if (this.isFull) {
      this.more++
      return
    }
    const at = typeof where === 'number' ? where : where()
    const { line, column } = this.placeOf(at)
    const mistake = { code, line, column, path: pathText(path), message }
    const said = typeof hint === 'function' ? hint() : hint
    this.kept.push({ mistake: said === undefined ? mistake : { ...mistake, hint: said }, at })
  }

  /** No more will be kept, so that looking for more is of little use. */
  get isFull(): boolean {
    return this.kept.length >= limits.mistakesMax
  }

  get count(): number {
    return this.kept.length + this.more
  }

  /** In the order of the file. */
  all(): Mistake[] {
    return this.kept.toSorted((a, b) => a.at - b.at).map(({ mistake }) => mistake)
  }

  placeOf(at: number): { line: number; column: number } {
    let low = 0
    let high = this.lineStarts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.lineStarts[middle]! <= at) low = middle
      else high = middle
    }
    return { line: low + 1, column: at - (this.lineStarts[low] ?? 0) + 1 }
  }
}

export function lineStartsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
