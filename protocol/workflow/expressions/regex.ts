/**
 * Patterns as machines with many states at once (Thompson's construction, Pike's simulation): the
 * time is at most the length of the text times the states of the machine, whatever both contain.
 */
import type { Ranges } from './character-sets.ts'
import { expressionLimits as limits } from './limits.ts'
import { type Assertion, type Pattern, PatternFailure, parsePattern } from './regex-parser.ts'

type State =
  | { readonly kind: 'set'; readonly ranges: Ranges; next: number }
  | { readonly kind: 'assert'; readonly what: Assertion; next: number }
  | { readonly kind: 'fork'; next: number; other: number }
  | { readonly kind: 'found' }

const UNSET = -1
const NEWLINE = 0x0a

export class Regex {
  private readonly states: State[] = []
  private readonly start: number

  private constructor(pattern: Pattern) {
    this.start = this.add(pattern, this.push({ kind: 'found' }))
  }

  /** Or where the pattern is wrong, and why. */
  static of(source: string): { ok: true; value: Regex } | { ok: false; at: number; why: string } {
    try {
      return { ok: true, value: new Regex(parsePattern(source)) }
    } catch (error) {
      if (error instanceof PatternFailure) return { ok: false, at: error.at, why: error.message }
      throw error
    }
  }

  /** States visited for each character, at most. */
  get size(): number {
    return this.states.length
  }

  /** Is there a match anywhere in the text? */
  test(text: string): boolean {
    let now = new Set<number>()
    let before: number | undefined
    let i = 0
    for (;;) {
      const point = text.codePointAt(i)
      if (this.reach(this.start, now, before, point)) return true
      if (point === undefined) return false
      const next = new Set<number>()
      const after = i + (point > 0xffff ? 2 : 1)
      const following = text.codePointAt(after)
      for (const id of now) {
        const state = this.states[id]!
        if (state.kind === 'set' && holds(state.ranges, point)) {
          if (this.reach(state.next, next, point, following)) return true
        }
      }
      now = next
      before = point
      i = after
    }
  }

  /** Adds the state and all that are reached from it without a character. True when it is found. */
  private reach(
    first: number,
    into: Set<number>,
    before: number | undefined,
    after: number | undefined,
  ): boolean {
    const waiting = [first]
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (into.has(id)) continue
      into.add(id)
      const state = this.states[id]!
      if (state.kind === 'found') return true
      if (state.kind === 'fork') waiting.push(state.other, state.next)
      if (state.kind === 'assert' && isHere(state.what, before, after)) waiting.push(state.next)
    }
    return false
  }

  /** The first state of a machine for `pattern` that goes on to `next`. */
  private add(pattern: Pattern, next: number): number {
    switch (pattern.kind) {
      case 'empty':
        return next
      case 'set':
        return this.push({ kind: 'set', ranges: pattern.ranges, next })
      case 'assert':
        return this.push({ kind: 'assert', what: pattern.what, next })
      case 'sequence':
        return pattern.parts.reduceRight((then, part) => this.add(part, then), next)
      case 'either':
        return pattern.parts
          .map((part) => this.add(part, next))
          .reduceRight((other, first) => this.push({ kind: 'fork', next: first, other }))
      case 'repeat':
        return this.addRepeat(pattern, next)
    }
  }

  private addRepeat({ of, min, max }: Pattern & { kind: 'repeat' }, next: number): number {
    let start = next
    if (max === Number.POSITIVE_INFINITY) {
      const loop: State = { kind: 'fork', next: UNSET, other: next }
      start = this.push(loop)
      loop.next = this.add(of, start)
    } else {
      for (let i = min; i < max; i++) {
        start = this.push({ kind: 'fork', next: this.add(of, start), other: next })
      }
    }
    for (let i = 0; i < min; i++) {
      const before = start
      start = this.add(of, before)
      // Nothing a thousand times is nothing, also when that is repeated a thousand times.
      if (start === before) break
    }
    return start
  }

  private push(state: State): number {
    if (this.states.length >= limits.patternStatesMax) {
      throw new PatternFailure(0, `the pattern needs more than ${limits.patternStatesMax} states`)
    }
    return this.states.push(state) - 1
  }
}

function holds(ranges: Ranges, point: number): boolean {
  for (const [first, last] of ranges) {
    if (point < first) return false
    if (point <= last) return true
  }
  return false
}

function isWord(point: number | undefined): boolean {
  return point !== undefined && /^\w$/.test(String.fromCodePoint(point))
}

function isHere(what: Assertion, before: number | undefined, after: number | undefined): boolean {
  switch (what) {
    case 'textStart':
      return before === undefined
    case 'textEnd':
      return after === undefined
    case 'lineStart':
      return before === undefined || before === NEWLINE
    case 'lineEnd':
      return after === undefined || after === NEWLINE
    case 'word':
      return isWord(before) !== isWord(after)
    case 'notWord':
      return isWord(before) === isWord(after)
  }
}
