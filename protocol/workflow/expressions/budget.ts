/** What one evaluation has left to spend. It is asked before work is done, not after. */
import { failure } from './errors.ts'
import { type EvaluationLimits, expressionLimits } from './limits.ts'
import { Regex } from './regex.ts'

/** States of a pattern's machine that one step pays for. */
const visitsPerStep = 16

export class Budget {
  readonly limits: EvaluationLimits
  /** Spent so far. */
  steps = 0
  /** The node that is being worked on, for what goes wrong inside a function. */
  at = 0
  private readonly patterns = new Map<string, Regex>()

  constructor(limits: EvaluationLimits) {
    this.limits = limits
  }

  spend(steps: number): void {
    const left = this.limits.stepsMax - this.steps
    this.steps += Math.min(steps, left)
    if (steps <= left) return
    const why = `the expression takes more than ${this.limits.stepsMax} steps`
    throw failure('tooCostly', this.at, why, 'look at less at once, or compute it in a stage')
  }

  /** For work that goes over so many characters. */
  spendCharacters(count: number): void {
    this.spend(Math.ceil(count / expressionLimits.charactersPerStep))
  }

  makesText(length: number): void {
    if (length > this.limits.stringLengthMax) {
      const why = `the text would have more than ${this.limits.stringLengthMax} characters`
      throw failure('tooLong', this.at, why)
    }
    this.spendCharacters(length)
  }

  makesElements(count: number): void {
    if (count > this.limits.elementsMax) {
      const why = `the list would have more than ${this.limits.elementsMax} elements`
      throw failure('tooLong', this.at, why)
    }
    this.spend(count)
  }

  /** Is there a match in the text? Patterns are read once for each evaluation. */
  matches(text: string, pattern: string): boolean {
    const regex = this.patterns.get(pattern) ?? this.compiled(pattern)
    this.spend(Math.ceil((text.length * regex.size) / visitsPerStep))
    return regex.test(text)
  }

  private compiled(pattern: string): Regex {
    this.spend(Math.ceil(pattern.length / visitsPerStep))
    const compiled = Regex.of(pattern)
    if (!compiled.ok) {
      this.fails('badPattern', `the pattern ${JSON.stringify(pattern)} is wrong: ${compiled.why}`)
    }
    this.spend(Math.ceil(compiled.value.size / visitsPerStep))
    this.patterns.set(pattern, compiled.value)
    return compiled.value
  }

  fails(code: Parameters<typeof failure>[0], why: string, hint?: string): never {
    throw failure(code, this.at, why, hint)
  }
}
