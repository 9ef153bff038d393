/**
 * Text in columns and lines of a terminal's width. Widths count what a terminal shows. Where it is
 * too narrow, columns that matter least go first, then long texts are cut with `…`.
 */
import { stripVTControlCharacters } from 'node:util'

export interface Column {
  title: string
  right?: boolean
  /** It may be cut down to so many cells; the last such column gives way first. */
  cutTo?: number
  /** It may be left out, those with the lowest number first. */
  leave?: number
}

const GAP = 2

export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  columnsOfTerminal: number,
): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(painted))]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => width(line[i] ?? ''))))
  const shown = chosen(columns, widths, columnsOfTerminal)
  shrink(columns, shown, widths, columnsOfTerminal)
  return lines
    .map((line) =>
      shown
        .map((i) => fit(line[i] ?? '', widths[i] as number, columns[i]?.right === true))
        .join(' '.repeat(GAP))
        .trimEnd(),
    )
    .join('\n')
}

const totalOf = (widths: readonly number[]) =>
  widths.reduce((sum, each) => sum + each, 0) + GAP * Math.max(0, widths.length - 1)

/** The columns that fit, each at its narrowest. */
function chosen(
  columns: readonly Column[],
  widths: readonly number[],
  available: number,
): number[] {
  const narrowest = (i: number) => Math.min(widths[i] as number, columns[i]?.cutTo ?? Infinity)
  let shown = columns.map((_, i) => i)
  const inOrder = shown
    .filter((i) => columns[i]?.leave !== undefined)
    .sort((a, b) => (columns[a]?.leave as number) - (columns[b]?.leave as number))
  for (const least of inOrder) {
    if (totalOf(shown.map(narrowest)) <= available) break
    shown = shown.filter((i) => i !== least)
  }
  return shown
}

function shrink(
  columns: readonly Column[],
  shown: readonly number[],
  widths: number[],
  available: number,
): void {
  for (const i of [...shown].reverse()) {
    const excess = totalOf(shown.map((each) => widths[each] as number)) - available
    if (excess <= 0) return
    const { cutTo } = columns[i] as Column
    const now = widths[i] as number
    if (cutTo !== undefined) widths[i] = Math.max(Math.min(cutTo, now), now - excess)
  }
}

/** `first` and then the parts, each but the last with a comma, broken into lines; later ones are indented. */
export function wrapped(
  first: string,
  parts: readonly string[],
  columnsOfTerminal: number,
  indent: number,
  comma = ',',
): string {
  const lines: string[] = []
  let line = first
  for (const [i, part] of parts.entries()) {
    const text = i < parts.length - 1 ? `${part}${comma}` : part
    const joint = i === 0 ? '' : ' '
    if (i > 0 && width(line) + joint.length + width(text) > columnsOfTerminal) {
      lines.push(line)
      line = ' '.repeat(indent) + text
    } else line += joint + text
  }
  return [...lines, line].join('\n')
}

/** Cells that a terminal gives a text: two for East Asian wide characters and emoji. */
export function width(text: string): number {
  let cells = 0
  for (const character of stripVTControlCharacters(text)) {
    const code = character.codePointAt(0) as number
    cells += isWide(code) ? 2 : isZeroWidth(character) ? 0 : 1
  }
  return cells
}

/** Cut or filled up to exactly so many cells. What is cut loses its colours. */
export function fit(text: string, cells: number, right = false): string {
  const missing = cells - width(text)
  if (missing >= 0) return right ? ' '.repeat(missing) + text : text + ' '.repeat(missing)
  let kept = ''
  for (const character of stripVTControlCharacters(text)) {
    if (width(kept + character) > cells - 1) break
    kept += character
  }
  return `${kept}…${' '.repeat(Math.max(0, cells - 1 - width(kept)))}`
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  )
}

function isZeroWidth(character: string): boolean {
  return /\p{Mn}|\p{Me}|\p{Cf}/u.test(character)
}

/** Text from elsewhere, made safe for a terminal: nothing that it obeys, or that turns text around. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(obeyed, '·')
}

/** The same of a text that may have colours of ours. */
function painted(text: string): string {
  const parts = text.split(colour)
  return parts.map((part, i) => (i % 2 === 1 ? part : plain(part))).join('')
}

const colour = new RegExp(`(${String.fromCodePoint(27)}\\[[\\d;]*m)`)
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
