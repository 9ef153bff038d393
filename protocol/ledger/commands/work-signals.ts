/**
 * Events that stages wait for. They are kept for a while, so that whoever begins to wait a moment
 * late still hears of them, and they are there for all: hearing one takes nothing away.
 */
import { field, type Infer, message, optional } from '../../wire/schema.ts'
import { encodeRow } from '../octets.ts'
import type { Result } from '../result.ts'
import { endOf, tables } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { done, fitsText, freeText, kind, refused } from './kind.ts'
import { SignalRow, signalRow, signalsAt } from './work-rows.ts'

export const SignalSend = message('SignalSend', {
  event: field(1, freeText()),
  key: optional(2, freeText()),
  /** JSON. */
  data: optional(3, freeText()),
  by: field(4, freeText()),
})
export type SignalSend = Infer<typeof SignalSend>

export const signalKinds = {
  signalSend: kind(24, 1, 'anywhere', SignalSend, (tx, value): Result => {
    if (!fitsSignal(tx, value)) return refused('tooLarge')
    sendSignal(tx, value)
    return done(tx)
  }),
}

export function fitsSignal({ limits }: Transaction, { event, key, data, by }: SignalSend): boolean {
  return (
    event !== '' &&
    [event, key ?? '', by].every((part) => fitsText(part, limits.noteBytesMax)) &&
    fitsText(data ?? '', limits.signalDataBytesMax)
  )
}

/** Of one that fits. Never refused for lack of room: the oldest gives way. */
export function sendSignal(tx: Transaction, signal: SignalSend): void {
  const end = endOf(tables.signal)
  if (tx.count(tables.signal) >= tx.limits.signalsMax) {
    for (const [oldest] of tx.range(tables.signal, end, 1)) tx.delete(oldest)
  }
  // Several may come with one entry; those before it in the entry are all in the table.
  const number = tx.count(signalsAt(tx.index))
  tx.put(signalRow(tx.index, number), encodeRow(SignalRow, { ...signal, timeMs: tx.timeMs }))
  tx.tell({ kind: 'signalled', ...signal })
}
