/** `skein keys ls`: the keys that the mesh rests on, and which hosts hang on each. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { type Context, document } from './context.ts'
import { ABSENT } from './figures.ts'
import { plain, table } from './table.ts'

export async function list(context: Context): Promise<number> {
  const answer = await context.client.call('keys')
  const { io } = context
  if (context.json) {
    document(context, answer)
    return exitCodes.done
  }
  const { mesh, root, issuers, byRoot, unseen, swarm } = answer
  const columns = [
    { title: 'ISSUING KEY' },
    { title: 'SINCE' },
    { title: 'UNTIL' },
    { title: 'STATE' },
    { title: 'HOSTS', right: true },
    { title: 'CERTIFICATE', cutTo: 8, leave: 1 },
  ]
  const rows = issuers.map(({ id, sinceMs, untilMs, revoked, hosts, serial }) => [
    plain(id.slice(-8)),
    day(sinceMs),
    day(untilMs),
    revoked ? 'revoked' : Date.now() < untilMs ? 'good' : 'expired',
    String(hosts.length),
    plain(serial),
  ])
  const told = { mesh, root: root ?? ABSENT, 'swarm key': swarm ?? ABSENT }
  for (const [what, id] of Object.entries(told)) io.out(`${what.padEnd(10)} ${plain(id)}\n`)
  if (rows.length > 0) io.out(`\n${table(columns, rows, io.columns())}\n`)
  for (const [names, what] of [
    [byRoot, 'certified by the root itself'],
    [unseen, 'not met by this agent since it began'],
  ] as const) {
    if (names.length > 0) io.out(`\n${what}: ${names.map(plain).join(', ')}\n`)
  }
  return exitCodes.done
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 'YYYY-MM-DD'.length)
