/** Text literals: four kinds of quotes, raw or with escapes, and how a text is written back. */
import { failure } from './errors.ts'

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}

const coded = /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})/y

/** `at` is the first character, a quote or the `r` before it. */
export function textAt(source: string, at: number): { value: string; end: number } {
  const raw = /[rR]/.test(source[at]!)
  const start = raw ? at + 1 : at
  const mark = source[start]!
  const long = source.startsWith(mark.repeat(3), start)
  const quotes = long ? mark.repeat(3) : mark
  let value = ''
  let i = start + quotes.length
  while (!source.startsWith(quotes, i)) {
    const character = source[i]
    if (character === undefined || (!long && character === '\n')) {
      throw failure(
        'badText',
        at,
        `the text that begins here has no end`,
        `close it with ${quotes}`,
      )
    }
    if (character === '\\' && !raw) {
      const escaped = escapeAt(source, i)
      value += escaped.value
      i = escaped.end
    } else if (character === '\\' && source[i + 1] === mark) {
      value += character + mark
      i += 2
    } else {
      value += character
      i++
    }
  }
  return { value, end: i + quotes.length }
}

function escapeAt(source: string, at: number): { value: string; end: number } {
  const next = source[at + 1] ?? ''
  if (Object.hasOwn(simpleEscapes, next)) return { value: simpleEscapes[next]!, end: at + 2 }
  coded.lastIndex = at + 1
  const found = coded.exec(source)
  if (found === null) {
    const hint = 'write \\\\ for a backslash, or r"…" for text as it stands'
    throw failure('badText', at, `\\${next} is no escape`, hint)
  }
  const [all, x, u, long, octal] = found
  const point =
    octal === undefined ? Number.parseInt((x ?? u ?? long)!, 16) : Number.parseInt(octal, 8)
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    throw failure('badText', at, `\\${all} is no character`)
  }
  return { value: String.fromCodePoint(point), end: at + 1 + all.length }
}

/** In double quotes, printable, and read back as the same text. */
export function quoted(text: string): string {
  let written = '"'
  for (const character of text) {
    const point = character.codePointAt(0)!
    if (character === '"' || character === '\\') written += `\\${character}`
    else if (character === '\n') written += '\\n'
    else if (character === '\t') written += '\\t'
    else if (character === '\r') written += '\\r'
    else if (point < 0x20 || point === 0x7f) written += `\\x${point.toString(16).padStart(2, '0')}`
    else written += character
  }
  return `${written}"`
}
