/** An attempt that takes far longer than such work does, and the second one beside it, for people. */
import type { Journal } from '../../agent/journal/journal.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { AttemptId } from '../../protocol/work/fence.ts'
import { seconds } from '../placement/words.ts'
import type { Effect } from './core/effects.ts'

type Late = Extract<Effect, { kind: 'late' }>
type Raced = Extract<Effect, { kind: 'raced' }>
type NameOf = (node: string) => string

export function tellLate(
  effect: Late | Raced,
  nameOf: NameOf,
  journal: Pick<Journal, 'record'>,
  log: Log,
): void {
  const { kind, node, id } = effect
  const name = nameOf(node)
  const stage = stageText(id)
  const whose = `${stage} of run ${id.run}`
  const { text, figures } =
    effect.kind === 'late' ? late(effect, name) : raced(effect, name, nameOf)
  const fields = { run: id.run, stage, attempt: id.attempt, ...figures }
  journal.record({ kind: `stage.${kind}`, node, name, text: `${whose} ${text}`, fields })
  if (kind === 'late')
    log.warn('an attempt takes far longer than such work does', { name, ...fields })
  else log.info('a second attempt begins beside a late one', { name, ...fields })
}

function late({ ranMs, late: { usualMs, farMs, n } }: Late, name: string) {
  return {
    text: `has run on ${name} for ${seconds(ranMs)}: such work takes ${seconds(usualMs)} there, and 99 of a hundred are done after ${seconds(farMs)} (n=${n})`,
    figures: { ranMs, usualMs, farMs, n },
  }
}

function raced({ from, id, usualMs }: Raced, name: string, nameOf: NameOf) {
  return {
    text: `is raced: attempt ${id.attempt} begins on ${name}, beside the one on ${nameOf(from)}, where such work takes ${seconds(usualMs)}`,
    figures: { usualMs },
  }
}

function stageText({ stage, item }: AttemptId): string {
  return item === undefined ? stage : `${stage}[${item}]`
}
