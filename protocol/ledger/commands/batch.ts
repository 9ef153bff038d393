/**
 * Several commands as one: all of them, in order, or none. The result is `ok`, or the code of the
 * first that was refused, and which one it was. An audit note that comes along is written in either
 * case, with the code as its outcome, so that there is no deed without its record.
 */
import { message, nested, optional, repeated, type Schema } from '../../wire/schema.ts'
import { stateLimits } from '../limits.ts'
import type { Result } from '../result.ts'
import type { Transaction } from '../transaction.ts'
import { AuditNote, appendAudit, fitsNote } from './audit.ts'
import {
  type Catalogue,
  type CommandOf,
  commandSchema,
  done,
  kind,
  kindOf,
  refused,
} from './kind.ts'

interface BatchOf<C> {
  commands: C[]
  audit?: AuditNote
}

export function batchKind<C extends Catalogue>(number: number, kinds: C) {
  type Command = CommandOf<C>
  const schema = message('Batch', {
    // On the wire as many as fit an entry; how many are lawful is for the answer to say.
    commands: repeated(1, nested(commandSchema('BatchCommand', kinds)), stateLimits.entryBytesMax),
    audit: optional(2, nested(AuditNote)),
  }) as Schema<BatchOf<Command>>
  return {
    ...kind(number, 1, 'notInBatch', schema, (tx, batch) => applyBatch(kinds, tx, batch)),
    needs: ({ commands }: BatchOf<Command>) =>
      commands.reduce(
        (most, { kind, value }) => Math.max(most, kindOf(kinds, kind).needs(value)),
        1,
      ),
  }
}

function applyBatch(
  kinds: Catalogue,
  tx: Transaction,
  { commands, audit }: BatchOf<{ kind: string; value: unknown }>,
): Result {
  if (commands.length > tx.limits.batchCommandsMax) return refused('tooLarge')
  if (audit !== undefined && !fitsNote(tx, audit)) return refused('tooLarge')
  const result = applyAll(kinds, tx, commands)
  if (audit !== undefined) appendAudit(tx, audit, result.code)
  return result
}

function applyAll(
  kinds: Catalogue,
  tx: Transaction,
  commands: readonly { kind: string; value: unknown }[],
): Result {
  const before = tx.mark()
  for (const [item, { kind, value }] of commands.entries()) {
    const result = kindOf(kinds, kind).apply(tx, value)
    if (result.code === 'ok') continue
    tx.restore(before)
    return { ...result, item }
  }
  return done(tx)
}
