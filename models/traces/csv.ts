/**
 * History as a table in CSV (RFC 4180): a line of names, then a line for each attempt. The columns
 * are called as the fields of a row are; those that are not known are refused, so that a slip of the
 * pen is not taken for a fact that is missing.
 */
import { nearest } from '../../protocol/nearest.ts'
import { quote } from '../../protocol/workflow/mistake.ts'
import type { Row } from '../rows.ts'
import { type Refused, refused, type TraceMistake } from './findings.ts'
import { traceLimits as limits } from './limits.ts'
import { groupOf } from './rows.ts'

type Values = { -readonly [K in keyof Row]?: Row[K] }
/** What is wrong with the text, as a clause; undefined when it was taken. */
type Take = (text: string, into: Values) => string | undefined

export const csvColumns: Readonly<Record<keyof Row, Take>> = {
  task: word('task'),
  group: word('group'),
  host: word('host'),
  startedMs: amount('startedMs'),
  endedMs: amount('endedMs'),
  ended: (text, into) => {
    if (text !== 'succeeded' && text !== 'failed') return `${quote(text)} is no outcome`
    into.ended = text
    return undefined
  },
  hostSpeed: amount('hostSpeed'),
  load: amount('load', 1),
  cpus: amount('cpus', limits.coresMax),
  memoryBytes: amount('memoryBytes'),
  inputBytes: amount('inputBytes'),
  inputFiles: amount('inputFiles'),
  peakMemoryBytes: amount('peakMemoryBytes'),
}
const needed: readonly (keyof Row)[] = ['task', 'startedMs', 'endedMs']

export type ReadCsv = { readonly ok: true; readonly rows: readonly Row[] } | Refused

export function readCsv(text: string, file: string): ReadCsv {
  const lines = linesOf(text)
  if (!lines.ok) return lines
  const [header, ...rest] = lines.lines
  if (header === undefined) return refused('', 'it is empty', 'name a table with a line of names')
  const columns = columnsOf(header)
  if ('mistake' in columns) return { ok: false, mistakes: [columns.mistake], more: 0 }
  if (rest.length === 0) return refused('line 2', 'no attempt is in it', 'add a line for each')
  const rows: Row[] = []
  const mistakes: TraceMistake[] = []
  let more = 0
  for (const line of rest) {
    const row = rowIn(line, columns.names, file)
    if (!('why' in row)) rows.push(row)
    else if (mistakes.length < limits.mistakesMax) mistakes.push(row)
    else more++
  }
  return mistakes.length > 0 ? { ok: false, mistakes, more } : { ok: true, rows }
}

interface Line {
  readonly number: number
  readonly fields: readonly string[]
}

function columnsOf({ number, fields }: Line): { names: (keyof Row)[] } | { mistake: TraceMistake } {
  const place = `line ${number}`
  const mistake = (why: string, fix: string) => ({ mistake: { place, why, fix } })
  const known = Object.keys(csvColumns)
  for (const [i, name] of fields.entries()) {
    if (fields.indexOf(name) < i) return mistake(`the column ${quote(name)} stands twice`, 'once')
    if (known.includes(name)) continue
    const guess = nearest(name, known)
    const fix = guess === undefined ? `columns are ${known.join(', ')}` : `did you mean ${guess}?`
    return mistake(`${quote(name)} is no column that is known`, fix)
  }
  const missing = needed.find((name) => !fields.includes(name))
  if (missing !== undefined) return mistake(`there is no column ${missing}`, 'add it')
  return { names: fields as (keyof Row)[] }
}

function rowIn(line: Line, names: readonly (keyof Row)[], file: string): Row | TraceMistake {
  const place = `line ${line.number}`
  if (line.fields.length !== names.length) {
    const why = `it has ${line.fields.length} fields, and there are ${names.length} columns`
    return { place, why, fix: 'put text with commas in double quotes' }
  }
  const row: Values = { group: groupOf(file), host: '', ended: 'succeeded' }
  for (const [i, name] of names.entries()) {
    const text = line.fields[i] as string
    const why = text === '' ? missing(name) : csvColumns[name](text, row)
    if (why !== undefined) return { place: `${place}, ${name}`, why, fix: 'correct it' }
  }
  const { startedMs = 0, endedMs = 0 } = row
  if (endedMs >= startedMs) return row as Row
  return { place, why: 'it ended before it began', fix: 'correct startedMs or endedMs' }
}

function missing(name: keyof Row): string | undefined {
  return needed.includes(name) ? 'it is empty' : undefined
}

function word(name: 'task' | 'group' | 'host'): Take {
  return (text, into) => {
    if (text.length > limits.idLengthMax) return `it has more than ${limits.idLengthMax} letters`
    into[name] = text
    return undefined
  }
}

type Amount = Exclude<keyof Row, 'task' | 'group' | 'host' | 'ended'>

function amount(name: Amount, max: number = Number.MAX_SAFE_INTEGER): Take {
  return (text, into) => {
    const value = /^\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : -1
    if (!(value >= 0 && value <= max)) return `${quote(text)} is no number from 0 to ${max}`
    into[name] = value
    return undefined
  }
}

type ReadLines = { readonly ok: true; readonly lines: readonly Line[] } | Refused

/** Lines without a field are passed over. A text in quotes may go on in the next line. */
function linesOf(text: string): ReadLines {
  const lines: Line[] = []
  let fields: string[] = []
  let number = 1
  let startsAt = 1
  const fieldIn = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
  fieldIn.lastIndex = text.charCodeAt(0) === 0xfeff ? 1 : 0
  while (fieldIn.lastIndex < text.length || fields.length > 0) {
    const found = fieldIn.exec(text)
    if (found === null) {
      return refused(`line ${number}`, 'a quote stands in the wrong place', 'double it: ""')
    }
    const [, quoted, bare = '', end] = found
    fields.push(quoted?.replaceAll('""', '"') ?? bare)
    number += (quoted?.split('\n').length ?? 1) - 1
    if (fields.length > limits.columnsMax) {
      return refused(`line ${number}`, `it has more than ${limits.columnsMax} fields`, 'take fewer')
    }
    if (end === ',') continue
    if (fields.length > 1 || fields[0] !== '') lines.push({ number: startsAt, fields })
    if (lines.length > limits.linesMax) {
      return refused(`line ${number}`, `there are more than ${limits.linesMax} lines`, 'split it')
    }
    fields = []
    startsAt = ++number
  }
  return { ok: true, lines }
}
