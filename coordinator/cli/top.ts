/** `skein top`: the mesh as it is now, with bars and the last minute as sparklines. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { compareNames } from '../../protocol/name-order.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Node } from '../api/schemas.ts'
import { Client } from './client.ts'
import { type Context, document, sleep } from './context.ts'
import { ABSENT, age, bar, bytes, fresh, percent, rate, sparkline } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { CTRL_C } from './keys.ts'
import { NAME_CELLS_MIN, stateOf } from './nodes.ts'
import { runTable } from './runs.ts'
import { fit, plain, table, width } from './table.ts'

export interface TopOptions {
  once?: boolean
  sort?: string
}

const REFRESH_MS = 1_000
const TREND_CELLS = 20
const BAR_CELLS = 10
/** The newest, below the table of nodes. */
const RUNS_SHOWN = 8

const enterScreen = '\u001b[?1049h\u001b[?25l'
const leaveScreen = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearRest = '\u001b[J'
const clearLine = '\u001b[K'

type Trends = Map<string, (number | undefined)[]>

/** Keys pressed while the live table is shown. */
export interface Keys {
  /** Calls with each key; returns how to stop listening. */
  listen(onKey: (key: string) => void): () => void
}

export async function top(
  context: Context,
  options: TopOptions,
  keys: Keys | undefined,
  header?: string,
): Promise<number> {
  const trends: Trends = new Map()
  if (context.json || options.once || !context.io.terminal || !keys) {
    const once = options.once || !context.json
    return printed(context, options, trends, once)
  }
  return live(context, options, trends, keys, header)
}

async function printed(
  context: Context,
  options: TopOptions,
  trends: Trends,
  once: boolean,
): Promise<number> {
  for (;;) {
    const answer = await context.client.call('nodes')
    if (context.json) document(context, { ...answer, nodes: sorted(answer.nodes, options.sort) })
    else {
      follow(trends, answer.nodes)
      context.io.out(`${screen(answer.nodes, options, trends, context.io)}\n`)
    }
    if (once) return exitCodes.done
    await sleep(REFRESH_MS, context.interrupted)
    if (context.interrupted.aborted) return exitCodes.interrupted
  }
}

async function live(
  context: Context,
  options: TopOptions,
  trends: Trends,
  keys: Keys,
  header: string | undefined,
): Promise<number> {
  const { io } = context
  const leaving = new AbortController()
  // One that gives up on an answer as soon as somebody leaves.
  const client = new Client(context.client.address, context.client.signIn, leaving.signal)
  let exitCode: number = exitCodes.done
  const leave = () => leaving.abort()
  context.interrupted.addEventListener('abort', leave)
  const deaf = keys.listen((key) => {
    // The terminal is listened to key by key, and so gives Ctrl-C as a key.
    if (key === CTRL_C) exitCode = exitCodes.interrupted
    if (key === 'q' || key === CTRL_C) leave()
  })
  io.out(enterScreen)
  try {
    while (!leaving.signal.aborted && !context.interrupted.aborted) {
      const text = await currentScreen(client, io, options, trends)
      if (leaving.signal.aborted) break
      const title = header ?? `skein top   ${client.address}   q leaves`
      io.out(framed([title, '', ...text.split('\n')], io))
      await sleep(REFRESH_MS, leaving.signal)
    }
  } finally {
    deaf()
    context.interrupted.removeEventListener('abort', leave)
    io.out(leaveScreen)
  }
  return context.interrupted.aborted ? exitCodes.interrupted : exitCode
}

/** Trouble with the agent is shown in the table's place: it may pass. */
async function currentScreen(
  client: Client,
  io: Io,
  options: TopOptions,
  trends: Trends,
): Promise<string> {
  try {
    const [{ nodes }, { runs }] = await Promise.all([
      client.call('nodes'),
      client.call('runs', { query: { limit: RUNS_SHOWN } }),
    ])
    follow(trends, nodes)
    const work = runs.length === 0 ? '' : `\n\n${runTable(runs, io)}`
    return screen(nodes, options, trends, io) + work
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return paint(io, 'red', error.message)
  }
}

/** Drawn over what is there; lines that do not fit are counted. */
export function framed(lines: readonly string[], io: Io): string {
  const rows = io.rows() - 1
  const hidden = lines.length > rows ? lines.length - rows + 1 : 0
  const shown = hidden > 0 ? [...lines.slice(0, rows - 1), `… and ${hidden} more`] : lines
  const columns = io.columns()
  // A line that is too long would push the others down.
  const cut = shown.map((line) => (width(line) > columns ? fit(line, columns) : line) + clearLine)
  return `${home}${cut.join('\n')}${clearRest}`
}

function follow(trends: Trends, nodes: readonly Node[]): void {
  const known = new Set(nodes.map(({ id }) => id))
  for (const id of trends.keys()) if (!known.has(id)) trends.delete(id)
  for (const { id, load } of nodes) {
    const trend = trends.get(id) ?? []
    trend.push(load && !load.stale ? load.cpu : undefined)
    trends.set(id, trend.slice(-TREND_CELLS))
  }
}

export function screen(
  nodes: readonly Node[],
  options: TopOptions,
  trends: ReadonlyMap<string, (number | undefined)[]>,
  io: Io,
): string {
  const columns = [
    { title: 'NAME', cutTo: NAME_CELLS_MIN },
    { title: 'STATE' },
    { title: 'CPU', right: true },
    { title: '', leave: 8 },
    { title: 'MEMORY', right: true, leave: 10 },
    { title: '', leave: 6 },
    { title: 'CPU, LAST', leave: 7 },
    { title: 'IN', right: true, leave: 2 },
    { title: 'OUT', right: true, leave: 1 },
    { title: 'DISK FREE', right: true, leave: 9 },
    { title: 'AGENT', right: true, leave: 5 },
    { title: 'RSS', right: true, leave: 4 },
    { title: 'LAG', right: true, leave: 3 },
    { title: 'AGE', right: true, leave: 11 },
  ]
  const rows = sorted(nodes, options.sort).map((node) => rowOf(node, trends, io))
  return table(columns, rows, io.columns())
}

function rowOf(node: Node, trends: ReadonlyMap<string, (number | undefined)[]>, io: Io): string[] {
  const { load } = node
  const stale = load?.stale ?? false
  const mark = (text: string) => {
    const marked = fresh(text, stale)
    return stale ? paint(io, 'dim', marked) : marked
  }
  const memory = load && load.memoryUsedBytes / Math.max(1, load.memoryTotalBytes)
  const barOf = (share: number | undefined) =>
    stale ? ' '.repeat(BAR_CELLS) : paint(io, heat(share), bar(share, BAR_CELLS))
  return [
    `${plain(node.name)}${node.self ? '*' : ''}`,
    stateOf(node, io),
    mark(percent(load?.cpu)),
    barOf(load?.cpu),
    mark(percent(memory)),
    barOf(memory),
    sparkline(trends.get(node.id) ?? [], 1).padStart(TREND_CELLS),
    mark(rate(load?.receivedBytesPerSecond)),
    mark(rate(load?.sentBytesPerSecond)),
    mark(bytes(load?.diskAvailableBytes)),
    mark(percent(load?.agentCpu, 1)),
    mark(bytes(load?.agentResidentBytes)),
    mark(load ? `${load.loopLagMs.toFixed(0)}ms` : ABSENT),
    mark(age(load?.ageMs)),
  ]
}

function heat(share: number | undefined): Style {
  if (share === undefined || share < 0.6) return 'green'
  return share < 0.85 ? 'yellow' : 'red'
}

function sorted(nodes: readonly Node[], by: string | undefined): Node[] {
  const byName = (a: Node, b: Node) => compareNames(a.name, b.name)
  const figure = (node: Node) =>
    (by === 'cpu' ? node.load?.cpu : by === 'memory' ? node.load?.memoryUsedBytes : undefined) ?? -1
  return [...nodes].sort((a, b) => figure(b) - figure(a) || byName(a, b))
}
