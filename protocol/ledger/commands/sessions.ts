/**
 * Sessions of clients, by which a command that was proposed twice is applied once (Ongaro's thesis,
 * §6.3). A client opens one, numbers its commands from 1 on, says with each up to which number it
 * has had all answers, and may then propose any of them again, in any order, as often as it likes.
 *
 * Invariant: a numbered command is applied only while its number is within the window of a live
 * session and has no answer kept. What is not remembered is refused, never applied again. The id of
 * a session is the index of the entry that opened it, so no two sessions ever share one.
 */
import { field, type Infer, message, uint } from '../../wire/schema.ts'
import { decodeRow, encodeRow, noOctets } from '../octets.ts'
import type { Result } from '../result.ts'
import { endOf, repliesOf, sessionRow, tables } from '../rows.ts'
import type { LedgerState } from '../state.ts'
import type { Transaction } from '../transaction.ts'
import { done, kind, refused } from './kind.ts'
import { replyIn, replyRow, withReply } from './replies.ts'

export const SessionRow = message('SessionRow', {
  session: field(1, uint()),
  ttlMs: field(2, uint()),
  /** Its last command, to within `sessionTouchMs`. */
  usedMs: field(3, uint()),
  /** Answers up to this number are forgotten. */
  floor: field(4, uint()),
})
export type SessionRow = Infer<typeof SessionRow>

const SessionOpen = message('SessionOpen', { ttlMs: field(1, uint()) })
const SessionClose = message('SessionClose', { session: field(1, uint()) })
const SessionsExpire = message('SessionsExpire', {})

export const sessionKinds = {
  /** `revision` of the result is the session. */
  sessionOpen: kind(13, 1, 'alone', SessionOpen, open),
  sessionClose: kind(14, 1, 'alone', SessionClose, (tx, { session }) => {
    if (tx.get(sessionRow(session)) === undefined) return refused('notFound')
    end(tx, session, false)
    return done(tx)
  }),
  /** Ends those that were idle for longer than they asked to be kept, by the leader's time. */
  sessionsExpire: kind(15, 1, 'alone', SessionsExpire, expire),
}

/** What a proposal says of its place in a session. */
export interface Numbered {
  readonly session: number
  readonly serial: number
  /** The client has had every answer up to this one. Below `serial`. */
  readonly acked: number
}

export type Admission =
  | { kind: 'refused'; result: Result }
  | { kind: 'repeated'; result: Result }
  | { kind: 'fresh'; row: SessionRow }

export function admit(tx: Transaction, { session, serial, acked }: Numbered): Admission {
  const held = tx.get(sessionRow(session))
  if (held === undefined) return { kind: 'refused', result: refused('sessionExpired') }
  const row = decodeRow(SessionRow, held)
  if (serial <= row.floor) return { kind: 'refused', result: refused('forgotten') }
  const replies = tx.get(replyRow(session, serial))
  const reply = replies === undefined ? undefined : replyIn(replies, serial)
  if (reply !== undefined) return { kind: 'repeated', result: reply }
  if (serial - Math.max(row.floor, acked) > tx.limits.sessionWindow) {
    return { kind: 'refused', result: refused('windowFull') }
  }
  return { kind: 'fresh', row }
}

export function remember(
  tx: Transaction,
  row: SessionRow,
  { session, serial, acked }: Numbered,
  result: Result,
): void {
  const at = replyRow(session, serial)
  tx.put(at, withReply(tx.get(at) ?? noOctets, serial, result))
  const trims = acked - row.floor >= tx.limits.sessionTrimStep
  if (!trims && tx.timeMs - row.usedMs < tx.limits.sessionTouchMs) return
  // Rows that hold only acknowledged answers; the one with the next number stays.
  if (trims) removeRows(tx, repliesOf(session), replyRow(session, acked + 1))
  const floor = trims ? acked : row.floor
  tx.put(sessionRow(session), encodeRow(SessionRow, { ...row, usedMs: tx.timeMs, floor }))
}

function removeRows(tx: Transaction, from: string, to: string): void {
  for (const [key] of tx.range(from, to, Number.POSITIVE_INFINITY)) tx.delete(key)
}

function open(tx: Transaction, { ttlMs }: Infer<typeof SessionOpen>): Result {
  const { sessionTtlMsMin, sessionTtlMsMax, sessionsMax } = tx.limits
  if (ttlMs < sessionTtlMsMin || ttlMs > sessionTtlMsMax) return refused('tooLarge')
  if (tx.count(tables.session) >= sessionsMax) return refused('full')
  const session = tx.index
  const row = { session, ttlMs, usedMs: tx.timeMs, floor: 0 }
  tx.put(sessionRow(session), encodeRow(SessionRow, row))
  tx.tell({ kind: 'sessionOpened', session, ttlMs })
  return done(tx)
}

function end(tx: Transaction, session: number, expired: boolean): void {
  const prefix = repliesOf(session)
  removeRows(tx, prefix, endOf(prefix))
  tx.delete(sessionRow(session))
  tx.tell({ kind: 'sessionClosed', session, expired })
}

/** Whether `sessionsExpire` would end any, if a leader proposed it at this time. */
export function hasIdleSession(state: LedgerState, timeMs: number): boolean {
  for (const [, held] of state.rows.entries(tables.session, endOf(tables.session))) {
    if (isIdle(decodeRow(SessionRow, held), timeMs)) return true
  }
  return false
}

function isIdle({ usedMs, ttlMs }: SessionRow, timeMs: number): boolean {
  return timeMs - usedMs > ttlMs
}

function expire(tx: Transaction): Result {
  const { sessionsMax, sessionRowsExpiredMax } = tx.limits
  let rowsLeft = sessionRowsExpiredMax
  for (const [, held] of tx.range(tables.session, endOf(tables.session), sessionsMax)) {
    const row = decodeRow(SessionRow, held)
    if (!isIdle(row, tx.timeMs)) continue
    const { session } = row
    const rows = 1 + tx.count(repliesOf(session))
    if (rows > rowsLeft) return { code: 'ok', revision: tx.index, more: true }
    rowsLeft -= rows
    end(tx, session, true)
  }
  return done(tx)
}
