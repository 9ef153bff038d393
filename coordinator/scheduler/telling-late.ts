/** An attempt that takes far longer than such work does, and the second one beside it, for people. */
import type { Journal } from '../../agent/journal/journal.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { AttemptId } from '../../protocol/work/fence.ts'
import { seconds } from '../placement/words.ts'
import type { Effect } from './core/effects.ts'

export function tellLate(
  { node, id, ranMs, late }: Extract<Effect, { kind: 'late' }>,
  nameOf: (node: string) => string,
  journal: Pick<Journal, 'record'>,
  log: Log,
): void {
  const name = nameOf(node)
  const stage = stageText(id)
  const text = `${stage} of run ${id.run} has run on ${name} for ${seconds(ranMs)}: such work takes ${seconds(late.usualMs)} there, and 99 of a hundred are done after ${seconds(late.farMs)} (n=${late.n})`
  const fields = { run: id.run, stage, attempt: id.attempt, ranMs, ...late }
  journal.record({ kind: 'stage.late', node, name, text, fields })
  log.warn('an attempt takes far longer than such work does', { name, ...fields })
}

export function tellRaced(
  { node, from, id, usualMs }: Extract<Effect, { kind: 'raced' }>,
  nameOf: (node: string) => string,
  journal: Pick<Journal, 'record'>,
  log: Log,
): void {
  const name = nameOf(node)
  const stage = stageText(id)
  const text = `${stage} of run ${id.run} is raced: attempt ${id.attempt} begins on ${name}, beside the one on ${nameOf(from)}, where such work takes ${seconds(usualMs)}`
  const fields = { run: id.run, stage, attempt: id.attempt, usualMs }
  journal.record({ kind: 'stage.raced', node, name, text, fields })
  log.info('a second attempt begins beside a late one', { name, ...fields })
}

function stageText({ stage, item }: AttemptId): string {
  return item === undefined ? stage : `${stage}[${item}]`
}
