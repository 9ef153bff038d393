/**
 * The answers that a session remembers, packed: a row holds those of 32 numbers in a row, so that a
 * command changes one row that is at hand instead of adding one and having it removed later.
 */
import { assert } from '../../assert.ts'
import { stateLimits } from '../limits.ts'
import type { Octets } from '../octets.ts'
import { type Result, resultCodeOf, resultCodes } from '../result.ts'
import { ordinal, repliesOf } from '../rows.ts'

export const repliesPerRow = 32

/** Place in the row, code, flags, 7 bytes of revision, 2 of item: whatever their values. */
const replyLength = 12
const hasRevision = 1
const hasItem = 2
const hasMore = 4

assert(stateLimits.batchCommandsMax < 2 ** 16, 'an item must fit two bytes')
assert(
  stateLimits.sessionTrimStep >= repliesPerRow,
  'a trim must not be more frequent than there are rows to remove',
)

export function replyRow(session: number, serial: number): string {
  return repliesOf(session) + ordinal(Math.floor(serial / repliesPerRow))
}

/** `row` with one more. */
export function withReply(row: Octets, serial: number, result: Result): Octets {
  const { code, revision, item = 0, more } = result
  const flags =
    (revision === undefined ? 0 : hasRevision) |
    (result.item === undefined ? 0 : hasItem) |
    (more ? hasMore : 0)
  const low = (revision ?? 0) % 2 ** 32
  const high = Math.floor((revision ?? 0) / 2 ** 32)
  const reply = String.fromCharCode(
    serial % repliesPerRow,
    resultCodes[code],
    flags,
    high >>> 16,
    (high >>> 8) & 255,
    high & 255,
    low >>> 24,
    (low >>> 16) & 255,
    (low >>> 8) & 255,
    low & 255,
    item >>> 8,
    item & 255,
  )
  return (row + reply) as Octets
}

/** The answer to this number, if the row has it. */
export function replyIn(row: Octets, serial: number): Result | undefined {
  const place = serial % repliesPerRow
  for (let at = 0; at < row.length; at += replyLength) {
    if (row.charCodeAt(at) === place) return replyAt(row, at)
  }
  return undefined
}

function replyAt(row: Octets, at: number): Result {
  const code = resultCodeOf(row.charCodeAt(at + 1))
  assert(code !== undefined, 'a reply must hold a known code', { code: row.charCodeAt(at + 1) })
  const flags = row.charCodeAt(at + 2)
  return {
    code,
    ...(flags & hasRevision ? { revision: numberAt(row, at + 3, 7) } : {}),
    ...(flags & hasItem ? { item: numberAt(row, at + 10, 2) } : {}),
    ...(flags & hasMore ? { more: true } : {}),
  }
}

function numberAt(row: Octets, at: number, length: number): number {
  let number = 0
  for (let i = at; i < at + length; i++) number = number * 256 + row.charCodeAt(i)
  return number
}
