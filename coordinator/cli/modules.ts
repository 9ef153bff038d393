/** `skein modules …`: the parts of an agent, and turning them on and off. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { ModuleList } from '../api/schemas.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { age } from './figures.ts'
import { plain, table } from './table.ts'

const GATEWAY = 'gateway'

export async function modules(context: Context, node: string): Promise<number> {
  return showModules(context, await context.client.call('modules', { parameters: { node } }))
}

export async function turnModule(
  context: Context,
  verb: 'start' | 'stop',
  module: string,
  node: string,
): Promise<number> {
  // It is what every command goes through: behind it, nobody hears `modules start`.
  if (verb === 'stop' && module === GATEWAY) {
    const which = node === 'self' ? `the agent at ${context.client.address}` : plain(node)
    const lost = `${which} closes its control API, and only another agent can open it again`
    await confirm(context, lost)
  }
  try {
    return await turn(context, verb, module, node)
  } catch (error) {
    // Its own answer may not get out of the door that is being closed.
    const closed = verb === 'stop' && module === GATEWAY
    if (!closed || !(error instanceof Problem) || error.code !== 'brokenOff') throw error
    if (!context.quiet) context.io.err('the control API is closed\n')
    return exitCodes.done
  }
}

async function turn(
  context: Context,
  verb: 'start' | 'stop',
  module: string,
  node: string,
): Promise<number> {
  const route = verb === 'start' ? 'startModule' : 'stopModule'
  return showModules(context, await context.client.call(route, { parameters: { node, module } }))
}

function showModules(context: Context, answer: ModuleList): number {
  if (context.json) document(context, answer)
  else {
    const columns = [
      { title: 'MODULE' },
      { title: 'STATE' },
      { title: 'SINCE', right: true },
      { title: 'RESTARTS', right: true, leave: 1 },
      { title: 'NEEDS', leave: 3 },
      { title: 'WHY', cutTo: 12, leave: 2 },
    ]
    const rows = answer.modules.map(({ name, state, stateAgeMs, restarts, needs, why }) => [
      plain(name),
      plain(state),
      age(stateAgeMs),
      String(restarts),
      needs.map(plain).join(' '),
      plain(why ?? ''),
    ])
    context.io.out(`${table(columns, rows, context.io.columns())}\n`)
  }
  return exitCodes.done
}
