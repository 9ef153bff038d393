/**
 * Characters into tokens. It reads on demand, so that an expression inside `${{ … }}` may end where
 * its closing braces stand, and texts within it may hold braces.
 */
import { failure } from './errors.ts'
import { textAt } from './text-literal.ts'

export type Token =
  | { readonly type: 'int'; readonly at: number; readonly end: number; readonly value: bigint }
  | { readonly type: 'double'; readonly at: number; readonly end: number; readonly value: number }
  | { readonly type: 'text'; readonly at: number; readonly end: number; readonly value: string }
  | { readonly type: 'name'; readonly at: number; readonly end: number; readonly value: string }
  | { readonly type: 'sign'; readonly at: number; readonly end: number; readonly value: string }
  | { readonly type: 'end'; readonly at: number; readonly end: number }

const number =
  /0[xX][0-9a-fA-F]+|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+/y
const name = /[A-Za-z_][A-Za-z0-9_]*/y
const sign = /&&|\|\||==|!=|<=|>=|[()[\]{}.,?:+\-*/%!<>]/y
/** White space, and comments to the end of the line. */
const blank = /(?:[ \t\r\n\f]|\/\/[^\n]*)*/y
const textStart = /(?:[rR]|[bB][rR]?)?["']/y

const insteadOf: Readonly<Record<string, string>> = {
  '=': 'write == to compare',
  '&': 'write &&',
  '|': 'write ||',
  '“': 'write plain quotes: "',
  '”': 'write plain quotes: "',
  '‘': "write plain quotes: '",
  '’': "write plain quotes: '",
  $: 'names stand here without $ and braces',
}

/** One more than the largest: the unary minus before it may make it fit. */
const INT_BOUND = 2n ** 63n

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(source)?.[0]
}

/** The token at or after `from`. */
export function tokenAt(source: string, from: number): Token {
  const at = from + (match(blank, source, from) ?? '').length
  if (at >= source.length) return { type: 'end', at, end: at }
  const opening = match(textStart, source, at)
  if (opening !== undefined) {
    if (/^[bB]/.test(opening)) throw failure('unsupported', at, 'there are no bytes here')
    const { value, end } = textAt(source, at)
    return { type: 'text', at, end, value }
  }
  const digits = match(number, source, at)
  if (digits !== undefined) return numberToken(source, at, digits)
  const word = match(name, source, at)
  if (word !== undefined) return { type: 'name', at, end: at + word.length, value: word }
  const signs = match(sign, source, at)
  if (signs !== undefined) return { type: 'sign', at, end: at + signs.length, value: signs }
  const character = String.fromCodePoint(source.codePointAt(at)!)
  throw failure(
    'badCharacter',
    at,
    `${JSON.stringify(character)} means nothing here`,
    Object.hasOwn(insteadOf, character) ? insteadOf[character] : undefined,
  )
}

function numberToken(source: string, at: number, digits: string): Token {
  const end = at + digits.length
  const next = match(name, source, end)
  if (next === 'u' || next === 'U') {
    throw failure('unsupported', at, 'there are no unsigned numbers here', `write ${digits}`)
  }
  if (next !== undefined) {
    const hint = `a duration is written duration("${digits}${next}")`
    const isDuration = /^(ms|[dhms])$/.test(next)
    throw failure('badNumber', at, `${digits}${next} is no number`, isDuration ? hint : undefined)
  }
  if (/^0[xX]/.test(digits) || /^\d+$/.test(digits)) {
    const value = BigInt(digits)
    if (value > INT_BOUND) throw failure('badNumber', at, `${digits} is larger than 64 bits hold`)
    return { type: 'int', at, end, value }
  }
  const value = Number(digits)
  if (!Number.isFinite(value)) throw failure('badNumber', at, `${digits} is too large`)
  return { type: 'double', at, end, value }
}
