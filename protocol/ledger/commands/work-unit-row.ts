/**
 * The row of a unit, packed by hand: each stage of each run writes one twice, and that is most of
 * what the ledger does. Plain numbers first, then the node; what few units have follows as a message.
 *
 * Layout: state, flags, then as varints revision, attempt, readyMs, changedMs, and with a fence its
 * term and index; the length of the node's id, the id; of an attempt that has ended assignedMs,
 * endedMs, the length of its record, the record; and the rest.
 */
import { encode } from '../../wire/codec.ts'
import { varintBytesMax } from '../../wire/limits.ts'
import {
  bool,
  field,
  type Infer,
  int,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../wire/schema.ts'
import { putVarint } from '../../wire/varint.ts'
import { type UnitState, unitStateOf, unitStates } from '../../work/states.ts'
import { stateLimits as limits } from '../limits.ts'
import { decodeRow, type Octets, putOctets, toOctets } from '../octets.ts'

/** Of an attempt that is at work, what is known of it beside its number. */
const Rival = message('Rival', {
  node: field(1, text(limits.nodeIdBytesMax)),
  term: field(2, uint()),
  index: field(3, uint()),
  assignedMs: field(4, uint()),
})

const UnitRest = message('UnitRest', {
  /** Failures by class of error, in the order of `errorClasses`. */
  failures: repeated(1, uint(), 16),
  /** See `waitReasons`. */
  waitsFor: optional(2, uint()),
  dueMs: optional(3, uint()),
  /** The run that it has started; the event that it waits for, and its key. */
  detail: optional(4, text(limits.noteBytesMax)),
  key: optional(5, text(limits.noteBytesMax)),
  items: optional(6, uint()),
  errorClass: optional(7, text(16)),
  why: optional(8, text(2 * limits.noteBytesMax)),
  exitCode: optional(9, int()),
  /** The end that it was given in a run before this one. */
  adopted: optional(10, bool()),
  /** The number of the attempt that was to outrun another. A unit is raced once. */
  raced: optional(11, uint()),
  /** That attempt, as long as both are at work. The other one is that of the row. */
  rival: optional(12, nested(Rival)),
})
export type UnitRest = Infer<typeof UnitRest>

/** How the latest attempt ended. */
export interface LastTry {
  readonly assignedMs: number
  readonly endedMs: number
  /** `Finished` of protocol/work, without outputs. Nobody here reads it. Absent: it was lost. */
  readonly record?: Octets
}

export interface UnitRow {
  /** See `unitStates`. */
  readonly state: number
  readonly revision: number
  /** How often it was assigned, or has started a run. */
  readonly attempt: number
  /** When it could have begun first. */
  readonly readyMs: number
  readonly changedMs: number
  /** Of the latest attempt. */
  readonly fence?: { readonly term: number; readonly index: number } | undefined
  /** Where it runs, or ran last; ASCII. Empty for nowhere. */
  readonly node: string
  /**
   * From the end of the latest attempt until there is another one. Most units have but one attempt,
   * and so no row of an attempt.
   */
  readonly last?: LastTry | undefined
  readonly rest?: UnitRest | undefined
}

const hasFence = 1
const hasRest = 2
const hasLast = 4
const hasRecord = 8

/** Texts of `UnitRest` with their lengths, and its numbers. */
const restBytesMax = 5 * limits.noteBytesMax + limits.nodeIdBytesMax + 40 * varintBytesMax
const scratch = new Uint8Array(
  2 + 10 * varintBytesMax + limits.nodeIdBytesMax + limits.attemptRecordBytesMax + restBytesMax,
)

export function packUnit(row: UnitRow): Octets {
  const { fence, node, last, rest } = row
  const record = last?.record
  scratch[0] = row.state
  scratch[1] =
    (fence === undefined ? 0 : hasFence) |
    (rest === undefined ? 0 : hasRest) |
    (last === undefined ? 0 : hasLast) |
    (record === undefined ? 0 : hasRecord)
  let at = putVarint(scratch, 2, row.revision)
  at = putVarint(scratch, at, row.attempt)
  at = putVarint(scratch, at, row.readyMs)
  at = putVarint(scratch, at, row.changedMs)
  if (fence !== undefined) {
    at = putVarint(scratch, at, fence.term)
    at = putVarint(scratch, at, fence.index)
  }
  at = putVarint(scratch, at, node.length)
  at = putOctets(scratch, at, node)
  if (last !== undefined) {
    at = putVarint(scratch, at, last.assignedMs)
    at = putVarint(scratch, at, last.endedMs)
  }
  if (record !== undefined) {
    at = putVarint(scratch, at, record.length)
    at = putOctets(scratch, at, record)
  }
  if (rest !== undefined) {
    const bytes = encode(UnitRest, rest)
    scratch.set(bytes, at)
    at += bytes.length
  }
  return toOctets(scratch, 0, at)
}

let cursor = 0

function varintAt(row: Octets): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = row.charCodeAt(cursor++)
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
}

function textAt(row: Octets, length: number): Octets {
  cursor += length
  return row.slice(cursor - length, cursor) as Octets
}

export function unpackUnit(row: Octets): UnitRow {
  const flags = row.charCodeAt(1)
  cursor = 2
  return {
    state: row.charCodeAt(0),
    revision: varintAt(row),
    attempt: varintAt(row),
    readyMs: varintAt(row),
    changedMs: varintAt(row),
    fence: flags & hasFence ? { term: varintAt(row), index: varintAt(row) } : undefined,
    node: textAt(row, varintAt(row)),
    last: flags & hasLast ? lastAt(row, (flags & hasRecord) !== 0) : undefined,
    rest: flags & hasRest ? decodeRow(UnitRest, row.slice(cursor) as Octets) : undefined,
  }
}

function lastAt(row: Octets, isRecorded: boolean): LastTry {
  const ended = { assignedMs: varintAt(row), endedMs: varintAt(row) }
  return isRecorded ? { ...ended, record: textAt(row, varintAt(row)) } : ended
}

/** Without reading the rest. */
export function stateOfUnitRow(row: Octets): UnitState {
  return unitStateOf(row.charCodeAt(0)) as UnitState
}

export function isOverInRow(row: Octets): boolean {
  return row.charCodeAt(0) >= unitStates.succeeded
}

export function isAssignedInRow(row: Octets): boolean {
  return row.charCodeAt(0) === unitStates.assigned
}
