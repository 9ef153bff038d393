/**
 * Looks through JSON without making anything of it: whether it is JSON at all and where not, how
 * deep it is, and how many values it has. What has been looked through can be read by `JSON.parse`
 * at a known cost. No recursion: nesting costs a byte a level, up to the limit.
 */
import { traceLimits as limits } from './limits.ts'

export interface JsonFlaw {
  /** From the start of the text. */
  readonly at: number
  readonly why: string
}

/** Undefined where all is well. */
export function flawInJson(text: string): JsonFlaw | undefined {
  return new Scan(text).whole()
}

/** What may come next. */
type Wanted = 'value' | 'valueOrEnd' | 'key' | 'keyOrEnd' | 'colon' | 'commaOrEnd'

const wording: Readonly<Record<Wanted, string>> = {
  value: 'a value',
  valueOrEnd: 'a value or ]',
  key: 'a key in double quotes',
  keyOrEnd: 'a key in double quotes or }',
  colon: 'a colon',
  commaOrEnd: 'a comma or the end of the list or object',
}

// Bounded, as is all that a pattern here may take: what it could give back again, it keeps in mind.
const scalars = /-?(?:0|[1-9]\d{0,399})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,20})?|true|false|null/y
const escapes = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y

class Scan {
  private readonly text: string
  private at = 0
  private values = 0
  /** One for each level: whether it is an object. */
  private readonly levels: boolean[] = []
  private wanted: Wanted = 'value'

  constructor(text: string) {
    this.text = text
  }

  whole(): JsonFlaw | undefined {
    for (;;) {
      this.blanks()
      if (this.at === this.text.length) return { at: this.at, why: 'it ends too early' }
      const why = this.step()
      if (why !== undefined) return { at: this.at, why }
      if (this.levels.length === 0 && this.wanted === 'commaOrEnd') break
    }
    this.blanks()
    return this.at === this.text.length
      ? undefined
      : { at: this.at, why: 'more comes after its end' }
  }

  private blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.at++
    }
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    if (!pattern.test(this.text)) return false
    this.at = pattern.lastIndex
    return true
  }

  /** By hand and not by a pattern: it may be as long as the text. */
  private string(): boolean {
    if (this.text[this.at] !== '"') return false
    const start = this.at++
    for (;;) {
      // Not a number at the end of the text, and so not a letter either.
      const code = this.text.charCodeAt(this.at)
      if (code === 0x5c) {
        this.at++
        if (this.skip(escapes)) continue
      } else if (code >= 0x20) {
        this.at++
        if (code !== 0x22) continue
        return true
      }
      this.at = start
      return false
    }
  }

  /** One sign or scalar. Says what is wrong with it. */
  private step(): string | undefined {
    const sign = this.text[this.at]!
    if ((sign === ']' || sign === '}') && this.mayEnd(sign === '}')) {
      this.levels.pop()
      return this.go('commaOrEnd')
    }
    switch (this.wanted) {
      case 'key':
      case 'keyOrEnd':
        return this.string() ? this.go('colon', 0) : this.missing()
      case 'colon':
        return sign === ':' ? this.go('value') : this.missing()
      case 'commaOrEnd':
        if (sign !== ',') return this.missing()
        return this.go(this.levels.at(-1) === true ? 'key' : 'value')
      default:
        return this.value(sign)
    }
  }

  private mayEnd(isObject: boolean): boolean {
    if (this.levels.at(-1) !== isObject) return false
    return this.wanted === 'commaOrEnd' || this.wanted === (isObject ? 'keyOrEnd' : 'valueOrEnd')
  }

  private value(sign: string): string | undefined {
    if (++this.values > limits.valuesMax) return `it has more than ${limits.valuesMax} values`
    if (sign === '[' || sign === '{') {
      if (this.levels.length === limits.depthMax) {
        return `lists and objects are nested deeper than ${limits.depthMax} levels`
      }
      this.levels.push(sign === '{')
      return this.go(sign === '{' ? 'keyOrEnd' : 'valueOrEnd')
    }
    if (this.string() || this.skip(scalars)) return this.go('commaOrEnd', 0)
    return this.missing()
  }

  private go(wanted: Wanted, signs = 1): undefined {
    this.at += signs
    this.wanted = wanted
  }

  private missing(): string {
    const isString =
      this.text[this.at] === '"' && this.wanted !== 'colon' && this.wanted !== 'commaOrEnd'
    return isString
      ? 'a text that is no JSON begins here'
      : `${wording[this.wanted]} is missing here`
  }
}
