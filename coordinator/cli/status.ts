/** `skein status`, `skein health` and `skein modules …`: how it is. */
import { termText } from '../../protocol/consensus/era.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Status } from '../api/schemas.ts'
import { type Context, document } from './context.ts'
import { age, bytes } from './figures.ts'
import { paint } from './io.ts'
import { nodeTable } from './nodes.ts'
import { plain, wrapped } from './table.ts'

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
      ...answer.stops.map((stop) => paint(io, 'red', `■ IN FORCE: ${plain(stop)}`)),
      `mesh ${plain(mesh.name)}: ${paint(io, 'green', `${mesh.alive} alive`)}${others}`,
      wrapped(
        'answered by ',
        [
          plain(agent.name),
          `up ${age(agent.uptimeMs)}`,
          `version ${plain(agent.version)}`,
          `${agent.connections} ${agent.connections === 1 ? 'connection' : 'connections'}`,
          `event loop lag ${agent.loopLagMs.toFixed(1)} ms`,
          `sent ${bytes(agent.sentBytes)}`,
          `received ${bytes(agent.receivedBytes)}`,
        ],
        io.columns(),
        2,
      ),
      ...ledgerLines(answer, io),
      '',
      nodeTable(nodes, io, true),
      '',
    ].join('\n'),
  )
  return exitCodes.done
}

function ledgerLines({ ledger }: Status, io: Context['io']): string[] {
  if (!ledger) return [paint(io, 'red', 'ledger: stopped on this agent')]
  const { leader, term, voters, learners, reachable, needed, applied, commit, digest } = ledger
  const leads = leader === undefined ? paint(io, 'red', 'no leader') : `${plain(leader)} leads`
  const few = reachable < needed ? paint(io, 'red', `only ${reachable} are here`) : ''
  const facts = [
    leads,
    `term ${termText(term)}`,
    `voters ${voters.map(plain).join(' ')}${few === '' ? '' : ` (${needed} needed, ${few})`}`,
    ...(learners.length > 0 ? [`learners ${learners.map(plain).join(' ')}`] : []),
    `applied ${applied} of ${commit}`,
    `state ${plain(digest)}`,
  ]
  const lines = [wrapped('ledger: ', facts, io.columns(), 2)]
  if (ledger.recovering)
    lines.push(paint(io, 'yellow', 'its disk has lost entries: it waits for them'))
  if (ledger.diverged.length > 0) {
    const who = ledger.diverged.map(plain).join(' and ')
    lines.push(paint(io, 'red', `${who} hold different states at the same entry`))
  }
  return lines
}

export async function health(context: Context): Promise<number> {
  const answer = await context.client.call('health')
  if (context.json) document(context, answer)
  else {
    const { io } = context
    const wrong = answer.checks.filter(({ state }) => state !== 'ok')
    const warnings = answer.checks.filter(({ state, cause }) => state === 'ok' && cause)
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
    for (const { check, cause, remedy } of warnings) {
      const what = `${paint(io, 'yellow', 'warning')}   ${plain(check)}: ${plain(cause ?? '')}`
      io.out(`${what}\n          → ${plain(remedy ?? '')}\n`)
    }
  }
  return answer.state === 'ok' ? exitCodes.done : exitCodes.failed
}
