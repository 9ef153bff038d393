/** How it is told who has confirmed a stop, and who has not. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { RouteResponse } from '../api/routes.ts'
import { type Context, document } from './context.ts'
import { paint } from './io.ts'
import { plain, table } from './table.ts'

export type StopNode = RouteResponse<'estop'>['nodes'][number]

/** It lives, as far as is known, and has not confirmed: it is waited for. */
export function isAwaited({ state, answer }: StopNode): boolean {
  return (state === 'alive' || state === 'suspect') && answer !== 'done'
}

/**
 * Nobody is waited for who looks dead; but whoever is cut off looks dead as well, and what runs there
 * goes on: until it confirms, or is removed from the mesh, not all have stopped.
 */
function isMissing({ state, answer }: StopNode): boolean {
  return state !== 'left' && answer !== 'done'
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
    const silent = missing.filter(isAwaited)
    const gone = missing.filter((node) => !isAwaited(node))
    warn(context, silent, 'not confirmed by', 'they are told again until they answer')
    const fix =
      'they are told when they are back. What runs on a host whose agent is gone: skein agent estop --local there. One that never comes back: skein nodes remove'
    warn(context, gone, 'not confirmed by, because dead or cut off:', fix)
  }
  return missing.length === 0 ? exitCodes.done : exitCodes.partly
}

function warn({ io }: Context, nodes: readonly StopNode[], what: string, then: string): void {
  if (nodes.length === 0) return
  const names = nodes.map(({ name }) => plain(name)).join(', ')
  io.err(`${paint(io, 'red', `${what} ${names}; ${then}`)}\n`)
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
