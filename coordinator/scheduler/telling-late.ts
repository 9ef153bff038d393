/** An attempt that takes far longer than such work does, for people. */
import type { Journal } from '../../agent/journal/journal.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { seconds } from '../placement/words.ts'
import type { Effect } from './core/effects.ts'

export function tellLate(
  { node, id, ranMs, late }: Extract<Effect, { kind: 'late' }>,
  nameOf: (node: string) => string,
  journal: Pick<Journal, 'record'>,
  log: Log,
): void {
  const name = nameOf(node)
  const stage = id.item === undefined ? id.stage : `${id.stage}[${id.item}]`
  const text = `${stage} of run ${id.run} has run on ${name} for ${seconds(ranMs)}: such work takes ${seconds(late.usualMs)} there, and 99 of a hundred are done after ${seconds(late.farMs)} (n=${late.n})`
  const fields = { run: id.run, stage, attempt: id.attempt, ranMs, ...late }
  journal.record({ kind: 'stage.late', node, name, text, fields })
  log.warn('an attempt takes far longer than such work does', { name, ...fields })
}
