/**
 * Where in the file a character of a scalar stands. YAML takes away quotes, escapes, indentation and
 * line breaks, so the two texts are walked side by side; what only the file has is stepped over.
 */
import type { Scalar } from './located.ts'

/** `offset` counts characters of the scalar's value. */
export function offsetInFile(scalar: Scalar, offset: number, file: string): number {
  const { value, style, at, end } = scalar
  if (typeof value !== 'string') return at + Math.min(offset, end - at)
  if (style === 'double') return inDoubleQuotes(offset, file, at, end)
  let i = start(scalar, file)
  for (let j = 0; i < end; j++) {
    const wanted = value[j]
    // At its end, the value still has a place: behind its last character.
    if (j >= offset || wanted === undefined) {
      return wanted === undefined || isBlank(wanted) ? i : skip(file, i, end, wanted)
    }
    i = step(file, i, end, wanted, style === 'single')
  }
  return Math.min(i, end)
}

function start({ style, at }: Scalar, file: string): number {
  if (style === 'single') return at + 1
  if (style !== 'block') return at
  const lineEnd = file.indexOf('\n', at)
  return lineEnd < 0 ? at : lineEnd + 1
}

function step(file: string, from: number, end: number, wanted: string, single: boolean): number {
  if (isBlank(wanted)) return skipBlank(file, from, end, wanted)
  const at = skip(file, from, end, wanted)
  return at + (single && wanted === "'" ? 2 : 1)
}

function skip(file: string, from: number, end: number, wanted: string): number {
  let i = from
  while (i < end && file[i] !== wanted) i++
  return i
}

/** One blank of the value may be a break and an indentation in the file, or just itself. */
function skipBlank(file: string, from: number, end: number, wanted: string): number {
  if (file[from] === wanted) return from + 1
  let i = from
  while (i < end && isBlank(file[i]!)) i++
  return i
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}

const widths: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 }

function inDoubleQuotes(offset: number, file: string, at: number, end: number): number {
  let i = at + 1
  for (let j = 0; j < offset && i < end; j++) {
    if (file[i] === '\\') i += widths[file[i + 1]!] ?? 2
    else if (file[i] === '\n') i = skipBlank(file, i, end, '')
    else i++
  }
  return i
}
