/** Tables in columns: widths count what a terminal shows, and what does not fit is cut with `…`. */
import { stripVTControlCharacters } from 'node:util'

export interface Column {
  title: string
  right?: boolean
  /** May be cut when the terminal is narrow; the first such columns give way first. */
  flexible?: boolean
}

const GAP = 2
const FLEXIBLE_MIN = 6

export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  columnsOfTerminal: number,
): string {
  const titles = columns.map(({ title }) => title)
  const widths = columns.map((_, i) =>
    Math.max(...[titles, ...rows].map((row) => width(row[i] ?? ''))),
  )
  shrink(columns, widths, columnsOfTerminal)
  const line = (row: readonly string[]) =>
    columns
      .map(({ right }, i) => fit(row[i] ?? '', widths[i] as number, right === true))
      .join(' '.repeat(GAP))
      .trimEnd()
  return [titles, ...rows].map(line).join('\n')
}

function shrink(columns: readonly Column[], widths: number[], available: number): void {
  const total = () => widths.reduce((sum, each) => sum + each, 0) + GAP * (widths.length - 1)
  for (const [i, { flexible }] of columns.entries()) {
    const excess = total() - available
    if (excess <= 0) return
    if (flexible) widths[i] = Math.max(FLEXIBLE_MIN, (widths[i] as number) - excess)
  }
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

function fit(text: string, cells: number, right: boolean): string {
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

/** Text from elsewhere, made safe for a terminal: no control characters, no line breaks. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, '·')
}
