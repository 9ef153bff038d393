/** `skein history …`: what hosts remember of the attempts that ended on them, and making them forget. */
import type * as z from 'zod'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { HostHistory } from '../api/host-history-routes.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, bytes, percent } from './figures.ts'
import { plain, table } from './table.ts'
import { momentFrom } from './when.ts'

type Told = z.infer<typeof HostHistory>
type KindOfWork = Told['kinds'][number]

export async function list(context: Context, node: string): Promise<number> {
  const told = await context.client.call('hostHistory', { parameters: { node } })
  const { io, quiet } = context
  if (context.json) {
    document(context, told)
    return told.kinds.length > 0 ? exitCodes.done : exitCodes.notFound
  }
  if (told.kinds.length > 0) io.out(`${kindTable(told.kinds, io.columns())}\n`)
  if (!quiet) io.err(remembered(told))
  return told.kinds.length > 0 ? exitCodes.done : exitCodes.notFound
}

function remembered({ node, attempts, kinds, lost, more }: Told): string {
  const all = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  const of = kinds.length + more === 1 ? 'one kind' : `${kinds.length + more} kinds`
  const head =
    attempts === 0
      ? `${plain(node)} remembers nothing yet`
      : `${plain(node)} remembers ${all} of ${of}`
  const untold = more > 0 ? `; ${more} kinds are not shown` : ''
  const gone = lost > 0 ? `; ${lost} since its start could not be written down` : ''
  return `${head}${untold}${gone}\n`
}

function kindTable(kinds: readonly KindOfWork[], columns: number): string {
  const titles = [
    { title: 'FINGERPRINT', cutTo: 24 },
    { title: 'WORKFLOW', cutTo: 12 },
    { title: 'TRIES', right: true },
    { title: 'SUCCEED', right: true, leave: 2 },
    { title: 'P10', right: true, leave: 4 },
    { title: 'P50', right: true },
    { title: 'P90', right: true },
    { title: 'MEMORY', right: true, leave: 3 },
    { title: 'NEWEST', right: true, leave: 1 },
    { title: 'OLDEST', right: true, leave: 5 },
  ]
  const nowMs = Date.now()
  const rows = kinds.map((kind) => [
    plain(kind.task),
    plain(kind.workflow),
    String(kind.tried),
    percent(kind.succeeded / kind.tried),
    age(kind.tookMs?.p10),
    age(kind.tookMs?.p50),
    age(kind.tookMs?.p90),
    kind.peakMemoryBytes === undefined ? ABSENT : bytes(kind.peakMemoryBytes.p50),
    age(Math.max(0, nowMs - kind.newestMs)),
    age(Math.max(0, nowMs - kind.oldestMs)),
  ])
  return table(titles, rows, columns)
}

export async function show(context: Context, task: string, node: string): Promise<number> {
  const query = { task }
  const told = await context.client.call('hostHistory', { parameters: { node }, query })
  const { io, quiet } = context
  if (context.json) document(context, told)
  else if (told.kinds.length > 0) io.out(`${told.kinds.map(describe).join('\n\n')}\n`)
  else if (!quiet)
    io.err(
      `${plain(told.node)} remembers nothing of ${plain(task)}; skein history ls shows what it does\n`,
    )
  return told.kinds.length > 0 ? exitCodes.done : exitCodes.notFound
}

function describe(kind: KindOfWork): string {
  const { tookMs, peakMemoryBytes: memory, tried, succeeded } = kind
  const nowMs = Date.now()
  const ago = (atMs: number) => `${age(Math.max(0, nowMs - atMs))} ago`
  const lines = [
    ['fingerprint', plain(kind.task)],
    ['workflow', plain(kind.workflow)],
    ['tries', `${tried}, of which ${succeeded} succeeded (${percent(succeeded / tried)})`],
    [
      'took',
      tookMs === undefined
        ? 'unknown: none has succeeded'
        : `p10 ${age(tookMs.p10)}, p50 ${age(tookMs.p50)}, p90 ${age(tookMs.p90)}, of ${tookMs.n}`,
    ],
    [
      'memory',
      memory === undefined
        ? ABSENT
        : `p50 ${bytes(memory.p50)}, p90 ${bytes(memory.p90)} at its peak, of ${memory.n}`,
    ],
    ['oldest', ago(kind.oldestMs)],
    ['newest', ago(kind.newestMs)],
  ]
  return lines.map(([name = '', said = '']) => `${name.padEnd(LABEL_CELLS)}${said}`).join('\n')
}

const LABEL_CELLS = 13

export interface PurgeFlags {
  before?: string
  fingerprint?: string
}

export async function purge(
  context: Context,
  node: string,
  { before, fingerprint }: PurgeFlags,
): Promise<number> {
  const beforeMs = before === undefined ? undefined : momentFrom('--before', before)
  const what = fingerprint === undefined ? 'all that it remembers' : plain(fingerprint)
  const until = before === undefined ? '' : `, as far as it had ended by ${plain(before)},`
  const who = node === 'self' ? `the agent at ${context.client.address}` : plain(node)
  await confirm(
    context,
    `${who} forgets ${what}${until} for good, and knows less of what work takes`,
  )
  const body = {
    ...(beforeMs === undefined ? {} : { beforeMs }),
    ...(fingerprint === undefined ? {} : { task: fingerprint }),
  }
  const answer = await context.client.call('purgeHistory', { parameters: { node }, body })
  const { purged, left } = answer
  if (context.json) document(context, answer)
  else if (!context.quiet) {
    context.io.err(`${plain(answer.node)} has forgotten ${purged}, and remembers ${left}\n`)
  }
  return purged > 0 ? exitCodes.done : exitCodes.notFound
}
