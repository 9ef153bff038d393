/** `skein top`: the mesh as it is now, with bars and the last minute as sparklines. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Node } from '../api/schemas.ts'
import { type Context, document, sleep } from './context.ts'
import { ABSENT, age, bar, bytes, fresh, percent, rate, sparkline } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { plain, table } from './table.ts'

export interface TopOptions {
  once?: boolean
  sort?: string
}

const REFRESH_MS = 1_000
const TREND_CELLS = 20
const BAR_CELLS = 10
const WIDE_COLUMNS = 110

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
  const leave = () => leaving.abort()
  context.interrupted.addEventListener('abort', leave)
  const deaf = keys.listen((key) => {
    if (key === 'q' || key === '\u0003') leave()
  })
  io.out(enterScreen)
  try {
    while (!leaving.signal.aborted && !context.interrupted.aborted) {
      let text: string
      try {
        const { nodes } = await context.client.call('nodes')
        follow(trends, nodes)
        text = screen(nodes, options, trends, io)
      } catch (error) {
        text = paint(io, 'red', error instanceof Error ? error.message : String(error))
      }
      const lines = [
        header ?? `skein top   ${context.client.address}   q leaves`,
        '',
        ...text.split('\n'),
      ]
      const shown = lines.slice(0, io.rows() - 1).map((line) => line + clearLine)
      io.out(`${home}${shown.join('\n')}${clearRest}`)
      await sleep(REFRESH_MS, leaving.signal)
    }
  } finally {
    deaf()
    context.interrupted.removeEventListener('abort', leave)
    io.out(leaveScreen)
  }
  return exitCodes.done
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
  const wide = io.columns() >= WIDE_COLUMNS
  const columns = [
    { title: 'NAME', flexible: true },
    { title: 'STATE' },
    { title: 'CPU', right: true },
    { title: '' },
    { title: 'MEMORY', right: true },
    { title: '' },
    ...(wide
      ? [{ title: 'CPU, LAST' }, { title: 'IN', right: true }, { title: 'OUT', right: true }]
      : []),
    { title: 'DISK FREE', right: true },
    ...(wide
      ? [
          { title: 'AGENT', right: true },
          { title: 'RSS', right: true },
          { title: 'LAG', right: true },
        ]
      : []),
    { title: 'AGE', right: true },
  ]
  const rows = sorted(nodes, options.sort).map((node) => rowOf(node, trends, io, wide))
  return table(columns, rows, io.columns())
}

function rowOf(
  node: Node,
  trends: ReadonlyMap<string, (number | undefined)[]>,
  io: Io,
  wide: boolean,
): string[] {
  const { load } = node
  const stale = load?.stale ?? false
  const mark = (text: string) => {
    const marked = fresh(text, stale)
    return stale ? paint(io, 'dim', marked) : marked
  }
  const memory = load && load.memoryUsedBytes / Math.max(1, load.memoryTotalBytes)
  const barOf = (share: number | undefined) =>
    stale ? ' '.repeat(BAR_CELLS) : paint(io, heat(share), bar(share, BAR_CELLS))
  const stateStyle: Style =
    node.state === 'alive' ? 'green' : node.state === 'suspect' ? 'yellow' : 'red'
  return [
    `${plain(node.name)}${node.self ? '*' : ''}`,
    paint(io, stateStyle, node.state),
    mark(percent(load?.cpu)),
    barOf(load?.cpu),
    mark(percent(memory)),
    barOf(memory),
    ...(wide
      ? [
          sparkline(trends.get(node.id) ?? [], 1).padStart(TREND_CELLS),
          mark(rate(load?.receivedBytesPerSecond)),
          mark(rate(load?.sentBytesPerSecond)),
        ]
      : []),
    mark(bytes(load?.diskAvailableBytes)),
    ...(wide
      ? [
          mark(percent(load?.agentCpu, 1)),
          mark(bytes(load?.agentResidentBytes)),
          mark(load ? `${load.loopLagMs.toFixed(0)}ms` : ABSENT),
        ]
      : []),
    mark(age(load?.ageMs)),
  ]
}

function heat(share: number | undefined): Style {
  if (share === undefined || share < 0.6) return 'green'
  return share < 0.85 ? 'yellow' : 'red'
}

function sorted(nodes: readonly Node[], by: string | undefined): Node[] {
  const byName = (a: Node, b: Node) => a.name.localeCompare(b.name, 'en', { numeric: true })
  const figure = (node: Node) =>
    (by === 'cpu' ? node.load?.cpu : by === 'memory' ? node.load?.memoryUsedBytes : undefined) ?? -1
  return [...nodes].sort((a, b) => figure(b) - figure(a) || byName(a, b))
}
