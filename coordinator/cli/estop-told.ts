/** How it is told who has confirmed a stop, and who has not. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { paint } from './io.ts'
import { plain, table } from './table.ts'

export type StopNode = RouteResponse<'estop'>['nodes'][number]

/** It lives, as far as is known, and has not confirmed. */
export function isMissing({ state, answer }: StopNode): boolean {
  return (state === 'alive' || state === 'suspect') && answer !== 'done'
}

export function tell(
  context: Context,
  word: string,
  outcome: string,
  nodes: readonly StopNode[],
): number {
  const missing = nodes.filter(isMissing)
  if (context.json) {
    const names = missing.map(({ name }) => name)
    document(context, { schemaVersion: 1, word, outcome, nodes, missing: names })
  } else {
    context.io.out(`${nodesTable(context, nodes)}\n`)
    if (missing.length > 0) {
      const names = missing.map(({ name }) => plain(name)).join(', ')
      const text = `not confirmed by ${names}; they are told again until they answer`
      context.io.err(`${paint(context.io, 'red', text)}\n`)
    }
  }
  return missing.length === 0 ? exitCodes.done : exitCodes.partly
}

export function nodesTable({ io }: Context, nodes: readonly StopNode[]): string {
  const columns = [
    { title: 'NODE', cutTo: 16 },
    { title: 'STATE' },
    { title: 'ANSWER' },
    { title: 'AFTER', right: true },
    { title: 'KILLED', right: true },
    { title: 'WHY', cutTo: 12 },
  ]
  const rows = nodes.map(({ name, state, answer, killed, tookMs, why }) => [
    plain(name),
    state,
    paint(io, answer === 'done' ? 'green' : 'red', answer),
    answer === 'silent' ? '–' : `${tookMs} ms`,
    answer === 'silent' ? '–' : String(killed),
    plain(why ?? ''),
  ])
  return table(columns, rows, io.columns())
}
