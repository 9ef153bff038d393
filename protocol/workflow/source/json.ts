/**
 * JSON into located values, for texts that programs have written: canonical workflows, above all.
 * They come to the same values and places as by way of YAML, which contains JSON, in a twentieth of
 * the time. Whatever is not plain JSON, or could mean something else in YAML, is left to YAML, which
 * also has the words for mistakes.
 */
import { workflowLimits as limits } from '../limits.ts'
import type { Entry, Located, Mapping, Scalar } from './located.ts'

/** Undefined when it is for YAML to read. */
export function readJson(text: string): Located | undefined {
  const scanner = new Scanner(text)
  try {
    return scanner.document()
  } catch (error) {
    if (error === notForHere) return undefined
    throw error
  }
}

const notForHere = new Error('this text is not for the reader of JSON')

const SPACE = 0x20
const LINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const DELETE = 0x7f

/** Numbers that every reader takes for the same: no zero with a sign, nothing that is rounded. */
const plainNumber = /-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?=[\s,\]}])/y
const words: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
/** Characters of a key: YAML looks no further for the colon behind it. */
const KEY_LENGTH_MAX = 512

class Scanner {
  private readonly text: string
  private at = 0
  private depth = 0
  private values = 0

  constructor(text: string) {
    this.text = text
  }

  document(): Located {
    this.space()
    if (this.text[this.at] !== '{') throw notForHere
    const root = this.value()
    this.space()
    if (this.at < this.text.length) throw notForHere
    return root
  }

  private value(): Located {
    if (++this.values > limits.jsonValuesMax) throw notForHere
    switch (this.text[this.at]) {
      case '{':
        return this.map()
      case '[':
        return this.list()
      case '"':
        return this.quoted()
      default:
        return this.plain()
    }
  }

  private map(): Mapping {
    const at = this.open()
    const entries: Entry[] = []
    const seen = new Set<string>()
    if (this.closes('}')) return { kind: 'map', entries, at }
    for (;;) {
      const keyAt = this.at
      if (this.text.charCodeAt(keyAt) !== QUOTE) throw notForHere
      const { value: key, end } = this.quoted()
      // What stands twice, and what YAML or this language has words about.
      if (end - keyAt > KEY_LENGTH_MAX || seen.has(key)) throw notForHere
      if (key === '<<' || key === '__proto__') throw notForHere
      seen.add(key)
      this.space()
      this.sign(':')
      entries.push({ key, keyAt, value: this.value() })
      this.space()
      if (this.closes('}')) return { kind: 'map', entries, at }
      this.sign(',')
    }
  }

  private list(): Located {
    const at = this.open()
    const items: Located[] = []
    if (this.closes(']')) return { kind: 'list', items, at }
    for (;;) {
      items.push(this.value())
      this.space()
      if (this.closes(']')) return { kind: 'list', items, at }
      this.sign(',')
    }
  }

  private open(): number {
    if (++this.depth > limits.documentDepthMax) throw notForHere
    const { at } = this
    this.at++
    this.space()
    return at
  }

  private closes(bracket: string): boolean {
    if (this.text[this.at] !== bracket) return false
    this.at++
    this.depth--
    return true
  }

  private sign(sign: string): void {
    if (this.text[this.at] !== sign) throw notForHere
    this.at++
    this.space()
  }

  private quoted(): Scalar & { value: string } {
    const { text, at } = this
    let isPlain = true
    let end = at + 1
    for (; ; end++) {
      const code = text.charCodeAt(end)
      if (code === QUOTE) break
      // Not a number: the text is over. Control characters stand in no JSON.
      if (!(code >= SPACE) || code === DELETE) throw notForHere
      if (code !== BACKSLASH) continue
      isPlain = false
      end++
    }
    this.at = end + 1
    const value = isPlain ? text.slice(at + 1, end) : unescaped(text.slice(at, end + 1))
    return { kind: 'scalar', value, text: value, style: 'double', at, end: this.at }
  }

  private plain(): Scalar {
    const { text, at } = this
    for (const [word, value] of words) {
      if (!text.startsWith(word, at)) continue
      this.at += word.length
      return { kind: 'scalar', value, text: word, style: 'plain', at, end: this.at }
    }
    plainNumber.lastIndex = at
    const number = plainNumber.exec(text)?.[0]
    const value = Number(number)
    if (number === undefined || Object.is(value, -0)) throw notForHere
    this.at += number.length
    return { kind: 'scalar', value, text: number, style: 'plain', at, end: this.at }
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== SPACE && code !== LINE) return
      this.at++
    }
  }
}

function unescaped(quoted: string): string {
  let value: unknown
  try {
    value = JSON.parse(quoted)
  } catch {
    throw notForHere
  }
  return value as string
}
