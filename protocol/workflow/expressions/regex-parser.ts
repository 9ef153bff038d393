/**
 * Patterns in RE2's syntax into a tree: what can be matched in time linear to the text. References
 * back and looking around cannot, and are refused by name.
 */
import {
  anyCase,
  classes,
  inverted,
  merged,
  named,
  POINT_MAX,
  type Ranges,
} from './character-sets.ts'
import { expressionLimits as limits } from './limits.ts'

export type Assertion = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'word' | 'notWord'

export type Pattern =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly ranges: Ranges }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'either'; readonly parts: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly of: Pattern; readonly min: number; readonly max: number }

export class PatternFailure extends Error {
  readonly at: number

  constructor(at: number, why: string) {
    super(why)
    this.name = 'PatternFailure'
    this.at = at
  }
}

const NEWLINE = 0x0a
const controls: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 }
const assertions: Readonly<Record<string, Assertion>> = {
  A: 'textStart',
  z: 'textEnd',
  b: 'word',
  B: 'notWord',
}

/** Throws `PatternFailure`. */
export function parsePattern(source: string): Pattern {
  if (source.length > limits.patternLengthMax) {
    throw new PatternFailure(0, `the pattern is longer than ${limits.patternLengthMax} characters`)
  }
  return new PatternParser(source).whole()
}

class PatternParser {
  private readonly source: string
  private at = 0
  private depth = 0
  private flags = { i: false, s: false, m: false }

  constructor(source: string) {
    this.source = source
  }

  whole(): Pattern {
    const pattern = this.either()
    if (this.at < this.source.length) this.refuse('a ) closes what was not opened')
    return pattern
  }

  private either(): Pattern {
    if (++this.depth > limits.patternDepthMax) {
      this.refuse(`groups are nested deeper than ${limits.patternDepthMax} levels`)
    }
    const parts = [this.sequence()]
    while (this.takes('|')) parts.push(this.sequence())
    this.depth--
    return parts.length === 1 ? parts[0]! : { kind: 'either', parts }
  }

  private sequence(): Pattern {
    const parts: Pattern[] = []
    while (this.at < this.source.length && this.peek() !== '|' && this.peek() !== ')') {
      parts.push(this.repeated())
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
  }

  private repeated(): Pattern {
    const start = this.at
    const of = this.atom()
    const range = this.quantifier()
    if (range === undefined) return of
    // Which match is preferred does not matter to whether there is one.
    this.takes('?')
    if (this.quantifier() !== undefined) {
      this.at = start
      this.refuse('what is repeated cannot be repeated again without a group')
    }
    return { kind: 'repeat', of, ...range }
  }

  private quantifier(): { min: number; max: number } | undefined {
    if (this.takes('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.takes('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.takes('?')) return { min: 0, max: 1 }
    const counted = /\{(\d{1,6})(,(\d{1,6})?)?\}/y
    counted.lastIndex = this.at
    const found = counted.exec(this.source)
    if (found === null) return undefined
    const min = Number(found[1])
    const open = found[2] !== undefined && found[3] === undefined
    const max = open ? Number.POSITIVE_INFINITY : Number(found[3] ?? found[1])
    const most = Math.max(min, open ? 0 : max)
    if (most > limits.patternRepeatMax) this.refuse(`more than ${limits.patternRepeatMax} repeats`)
    if (max < min) this.refuse(`${found[0]} counts down`)
    this.at += found[0].length
    return { min, max }
  }

  private atom(): Pattern {
    const start = this.at
    const character = this.next()
    switch (character) {
      case '(':
        return this.group()
      case '[':
        return this.set(this.bracket())
      case '.':
        return { kind: 'set', ranges: this.flags.s ? inverted([]) : inverted([[NEWLINE, NEWLINE]]) }
      case '^':
        return { kind: 'assert', what: this.flags.m ? 'lineStart' : 'textStart' }
      case '$':
        return { kind: 'assert', what: this.flags.m ? 'lineEnd' : 'textEnd' }
      case '*':
      case '+':
      case '?':
        this.at = start
        return this.refuse(`${character} has nothing before it to repeat`)
      case '\\': {
        const what = assertions[this.peek() ?? '']
        if (what === undefined) return this.set(this.escaped())
        this.at++
        return { kind: 'assert', what }
      }
      default:
        return this.set([[character.codePointAt(0)!, character.codePointAt(0)!]])
    }
  }

  private set(ranges: Ranges): Pattern {
    return { kind: 'set', ranges: this.flags.i ? anyCase(ranges) : ranges }
  }

  private group(): Pattern {
    const before = { ...this.flags }
    if (this.takes('?')) {
      if (/^(=|!|<=|<!)/.test(this.source.slice(this.at, this.at + 2))) {
        this.refuse('looking ahead or behind is not possible in linear time')
      }
      const name = /P?<[A-Za-z_]\w*>/y
      name.lastIndex = this.at
      const found = name.exec(this.source)
      if (found !== null) this.at += found[0].length
      else if (this.flagsThenClosed()) return { kind: 'empty' }
    }
    const inner = this.either()
    if (!this.takes(')')) this.refuse('a ( is not closed')
    this.flags = before
    return inner
  }

  /** `(?i)` holds to the end of the group around it, `(?i:…)` within itself. */
  private flagsThenClosed(): boolean {
    let on = true
    for (;;) {
      const flag = this.next()
      if (flag === ':') return false
      if (flag === ')') return true
      if (flag === '-') on = false
      else if (flag === 'i' || flag === 's' || flag === 'm')
        this.flags = { ...this.flags, [flag]: on }
      else this.refuse(`(?${flag} is not known: there are i, m, s, (?: and (?P<name>`)
    }
  }

  private bracket(): Ranges {
    const not = this.takes('^')
    const ranges: [number, number][] = []
    let first = true
    while (first || this.peek() !== ']') {
      if (this.at >= this.source.length) this.refuse('a [ is not closed')
      first = false
      const low = this.member()
      if (typeof low !== 'number') {
        ranges.push(...low.map(([a, b]): [number, number] => [a, b]))
        continue
      }
      let high = low
      if (this.peek() === '-' && this.source[this.at + 1] !== ']') {
        this.at++
        const upper = this.member()
        if (typeof upper !== 'number' || upper < low) this.refuse('a range goes from low to high')
        else high = upper
      }
      ranges.push([low, high])
    }
    this.at++
    const all = this.flags.i ? anyCase(merged(ranges)) : merged(ranges)
    return not ? inverted(all) : all
  }

  private member(): number | Ranges {
    const posix = /\[:(\^?)(\w+):\]/y
    posix.lastIndex = this.at
    const found = posix.exec(this.source)
    if (found !== null) {
      const ranges = Object.hasOwn(named, found[2]!) ? named[found[2]!]! : undefined
      if (ranges === undefined) return this.refuse(`${found[0]} is not known`)
      this.at += found[0].length
      return found[1] === '^' ? inverted(ranges) : ranges
    }
    const character = this.next()
    if (character !== '\\') return character.codePointAt(0)!
    const ranges = this.escaped()
    return ranges.length === 1 && ranges[0]![0] === ranges[0]![1] ? ranges[0]![0] : ranges
  }

  /** After the backslash. */
  private escaped(): Ranges {
    const character = this.next()
    const one = (point: number): Ranges => [[point, point]]
    if (Object.hasOwn(classes, character)) return classes[character]!
    if (Object.hasOwn(controls, character)) return one(controls[character]!)
    if (/[1-9]/.test(character)) this.refuse('references back are not possible in linear time')
    if (character === 'x') {
      const hex = /([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\}/y
      hex.lastIndex = this.at
      const found = hex.exec(this.source)
      const point = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16)
      if (found === null || point > POINT_MAX) return this.refuse('\\x takes 41 or {1F600}')
      this.at += found[0].length
      return one(point)
    }
    if (/[A-Za-z0-9]/.test(character)) this.refuse(`\\${character} is not known`)
    return one(character.codePointAt(0)!)
  }

  private peek(): string | undefined {
    return this.source[this.at]
  }

  private next(): string {
    const point = this.source.codePointAt(this.at)
    if (point === undefined) return this.refuse('the pattern ends too early')
    const character = String.fromCodePoint(point)
    this.at += character.length
    return character
  }

  private takes(character: string): boolean {
    if (this.peek() !== character) return false
    this.at++
    return true
  }

  private refuse(why: string): never {
    throw new PatternFailure(this.at, why)
  }
}
