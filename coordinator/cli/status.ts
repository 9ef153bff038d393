/** `skein status`, `skein health` and `skein modules …`: how it is. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { ModuleList } from '../api/schemas.ts'
import { type Context, document } from './context.ts'
import { age, bytes } from './figures.ts'
import { paint } from './io.ts'
import { nodeTable } from './nodes.ts'
import { plain, table } from './table.ts'

export async function status(context: Context): Promise<number> {
  const answer = await context.client.call('status')
  if (context.json) {
    document(context, answer)
    return exitCodes.done
  }
  const { mesh, agent, nodes } = answer
  const { io } = context
  const gone = [
    mesh.suspect > 0 ? paint(io, 'yellow', `${mesh.suspect} suspect`) : '',
    mesh.dead > 0 ? paint(io, 'red', `${mesh.dead} dead`) : '',
    mesh.left > 0 ? paint(io, 'dim', `${mesh.left} left`) : '',
  ].filter((text) => text !== '')
  const others = gone.length > 0 ? `, ${gone.join(', ')}` : ''
  io.out(
    [
      `mesh ${plain(mesh.name)}: ${paint(io, 'green', `${mesh.alive} alive`)}${others}`,
      `answered by ${plain(agent.name)}, up ${age(agent.uptimeMs)}, version ${plain(agent.version)}, ${agent.connections} connections, event loop lag ${agent.loopLagMs.toFixed(1)} ms, sent ${bytes(agent.sentBytes)}, received ${bytes(agent.receivedBytes)}`,
      '',
      nodeTable(nodes, io),
      '',
    ].join('\n'),
  )
  return exitCodes.done
}

export async function health(context: Context): Promise<number> {
  const answer = await context.client.call('health')
  if (context.json) document(context, answer)
  else {
    const { io } = context
    const wrong = answer.checks.filter(({ state }) => state !== 'ok')
    const colour = answer.state === 'ok' ? 'green' : answer.state === 'degraded' ? 'yellow' : 'red'
    io.out(
      `${paint(io, colour, answer.state)}: ${answer.checks.length} checks, ${wrong.length} not well\n`,
    )
    for (const { check, state, ageMs, cause, remedy } of wrong) {
      io.out(
        `${paint(io, state === 'failed' ? 'red' : 'yellow', state.padEnd(9))} ${plain(check)} (${age(ageMs)}): ${plain(cause ?? '')}\n`,
      )
      io.out(`          → ${plain(remedy ?? '')}\n`)
    }
  }
  return answer.state === 'ok' ? exitCodes.done : exitCodes.failed
}

export async function modules(context: Context, node: string): Promise<number> {
  return showModules(context, await context.client.call('modules', { parameters: { node } }))
}

export async function turnModule(
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
      { title: 'RESTARTS', right: true },
      { title: 'NEEDS' },
      { title: 'WHY', flexible: true },
    ]
    const rows = answer.modules.map(({ name, state, stateAgeMs, restarts, needs, why }) => [
      plain(name),
      state,
      age(stateAgeMs),
      String(restarts),
      needs.map(plain).join(' '),
      plain(why ?? ''),
    ])
    context.io.out(`${table(columns, rows, context.io.columns())}\n`)
  }
  return exitCodes.done
}

export async function leave(context: Context): Promise<number> {
  const answer = await context.client.call('leave')
  if (context.json) document(context, answer)
  else if (!context.quiet) context.io.err('the agent leaves the mesh and stops\n')
  return exitCodes.done
}
