/** `skein nodes …`: who is in the mesh, one of them closely, and their labels. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import type { HistoryPoint, Node, NodeDetail } from '../api/schemas.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, bytes, fresh, percent, rate, sparkline } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { plain, table } from './table.ts'

const styleOf: Record<Node['state'], Style> = {
  alive: 'green',
  suspect: 'yellow',
  dead: 'red',
  left: 'dim',
}

export interface ListOptions {
  state?: string
  label?: string[]
}

export async function list(context: Context, options: ListOptions): Promise<number> {
  const answer = await context.client.call('nodes')
  const wanted = (options.label ?? []).map(pairOf)
  const nodes = answer.nodes.filter(
    (node) =>
      (options.state === undefined || node.state === options.state) &&
      wanted.every(([key, value]) => node.labels[key] === value),
  )
  if (context.json) document(context, { ...answer, nodes })
  else context.io.out(`${nodeTable(nodes, context.io)}\n`)
  return nodes.length > 0 ? exitCodes.done : exitCodes.notFound
}

export function nodeTable(nodes: readonly Node[], io: Io): string {
  const columns = [
    { title: 'NAME', flexible: true },
    { title: 'STATE' },
    { title: 'SINCE', right: true },
    { title: 'CPU', right: true },
    { title: 'MEMORY', right: true },
    { title: 'DISK', right: true },
    { title: 'AGE', right: true },
    { title: 'HEARD', right: true },
    { title: 'VERSION' },
    { title: 'LABELS', flexible: true },
    { title: 'ID' },
  ]
  const rows = nodes.map((node) => {
    const { load } = node
    const stale = load?.stale ?? false
    const tint = (text: string) => (stale ? paint(io, 'dim', text) : text)
    const memory = load && load.memoryUsedBytes / Math.max(1, load.memoryTotalBytes)
    const disk = load && 1 - load.diskAvailableBytes / Math.max(1, load.diskTotalBytes)
    return [
      `${plain(node.name)}${node.self ? '*' : ''}`,
      paint(io, styleOf[node.state], node.state),
      node.self ? ABSENT : age(node.stateAgeMs),
      tint(fresh(percent(load?.cpu), stale)),
      tint(fresh(percent(memory), stale)),
      tint(fresh(percent(disk), stale)),
      tint(fresh(age(load?.ageMs), stale)),
      node.self ? ABSENT : age(node.heardAgeMs),
      plain(node.version),
      plain(labelsOf(node.labels)) || ABSENT,
      node.id.slice(-8),
    ]
  })
  return table(columns, rows, io.columns())
}

export async function show(
  context: Context,
  reference: string,
  options: { minutes: string },
): Promise<number> {
  const minutes = Number(options.minutes)
  const detail = await context.client.call('node', {
    parameters: { node: reference },
    query: { minutes },
  })
  if (context.json) document(context, detail)
  else context.io.out(`${describe(detail, context.io, minutes)}\n`)
  return detail.unanswered === undefined ? exitCodes.done : exitCodes.partly
}

export async function label(
  context: Context,
  reference: string,
  changes: readonly string[],
): Promise<number> {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const change of changes) {
    if (change.endsWith('-') && !change.includes('=')) remove.push(change.slice(0, -1))
    else {
      const [key, value] = pairOf(change)
      set[key] = value
    }
  }
  const answer = await context.client.call('labels', {
    parameters: { node: reference },
    body: { set, remove },
  })
  if (context.json) document(context, answer)
  else
    context.io.out(
      `${plain(answer.node.name)}: ${plain(labelsOf(answer.node.labels)) || 'no labels'}\n`,
    )
  return exitCodes.done
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new Problem({
    code: 'badLabel',
    why: `${text} is not a label`,
    fix: 'write key=value to set one, key- to remove one',
    exitCode: exitCodes.usage,
  })
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}

function describe(detail: NodeDetail, io: Io, minutes: number): string {
  const { node } = detail
  const lines = [
    `${paint(io, 'bold', plain(node.name))}  ${paint(io, styleOf[node.state], node.state)} for ${age(node.stateAgeMs)}, heard ${age(node.heardAgeMs)} ago, incarnation ${node.incarnation}`,
    `id         ${node.id}`,
    `version    ${plain(node.version)} (wire ${node.wireVersion}) on ${plain(node.platform)}`,
    `addresses  ${node.addresses.map(plain).join('\n           ') || ABSENT}`,
    `labels     ${plain(labelsOf(node.labels)) || ABSENT}`,
  ]
  if (detail.unanswered !== undefined) {
    lines.push(
      '',
      paint(io, 'yellow', `It does not answer for itself: ${plain(detail.unanswered)}`),
    )
  }
  lines.push(...factLines(detail), ...sampleLines(detail), ...historyLines(detail.history, minutes))
  if (detail.modules.length > 0) {
    const rows = detail.modules.map(({ name, state, stateAgeMs, why }) => [
      plain(name),
      state,
      age(stateAgeMs),
      plain(why ?? ''),
    ])
    const columns = [
      { title: 'MODULE' },
      { title: 'STATE' },
      { title: 'SINCE', right: true },
      { title: '', flexible: true },
    ]
    lines.push('', table(columns, rows, io.columns()))
  }
  const refusals = Object.entries(detail.refusals)
  if (refusals.length > 0) {
    lines.push(
      '',
      `refused    ${refusals.map(([why, times]) => `${plain(why)} ${times}`).join(', ')}`,
    )
  }
  return lines.join('\n')
}

function factLines({ facts }: NodeDetail): string[] {
  if (!facts) return []
  const cores =
    facts.coresUsable === facts.cores ? `${facts.cores}` : `${facts.coresUsable} of ${facts.cores}`
  return [
    `host       ${plain(facts.hostname)}, ${plain(facts.kernel)}, ${plain(facts.arch)}, ${facts.kind}`,
    `cpu        ${plain(facts.cpuModel)}, ${cores} cores`,
    `memory     ${bytes(facts.memoryUsableBytes)}`,
  ]
}

function sampleLines({ sample, sampleAgeMs }: NodeDetail): string[] {
  if (!sample) return []
  const used = sample.memoryTotalBytes - sample.memoryAvailableBytes
  const cores = sample.cpuPerCore?.map((share) => percent(share)).join(' ')
  const lines = [
    '',
    `now        cpu ${percent(sample.cpu)}${cores ? ` (${cores})` : ''}, memory ${bytes(used)} of ${bytes(sample.memoryTotalBytes)}, swap ${bytes(sample.swapUsedBytes)}, measured ${age(sampleAgeMs)} ago`,
    `load       ${sample.load?.map((value) => value.toFixed(2)).join(' ') ?? ABSENT}`,
    `agent      cpu ${percent(sample.agent.cpu, 2)} of a core, ${bytes(sample.agent.residentBytes)} resident`,
  ]
  for (const disk of sample.disks) {
    lines.push(
      `disk       ${plain(disk.mount)}  ${bytes(disk.availableBytes)} free of ${bytes(disk.totalBytes)}, reads ${rate(disk.readBytesPerSecond)}, writes ${rate(disk.writtenBytesPerSecond)}`,
    )
  }
  for (const link of sample.network) {
    lines.push(
      `network    ${plain(link.interface)}  in ${rate(link.receivedBytesPerSecond)}, out ${rate(link.sentBytesPerSecond)}`,
    )
  }
  for (const { sensor, celsius } of sample.temperatures) {
    lines.push(`heat       ${plain(sensor)}  ${celsius.toFixed(1)} °C`)
  }
  return lines
}

const HISTORY_CELLS = 60

function historyLines(history: readonly HistoryPoint[], minutes: number): string[] {
  if (history.length === 0 || minutes === 0) return []
  const endMs = (history.at(-1) as HistoryPoint).atMs
  const line = (
    name: string,
    value: (point: HistoryPoint) => number | undefined,
    shown: (value: number) => string,
    max?: number,
  ): string => {
    const cells = cellsOf(history, endMs, minutes, value)
    const known = history.map(value).filter((each) => each !== undefined)
    if (known.length === 0) return `${name.padEnd(11)}${ABSENT}`
    const mean = known.reduce((sum, each) => sum + each, 0) / known.length
    const range = `min ${shown(Math.min(...known))} mean ${shown(mean)} max ${shown(Math.max(...known))}`
    return `${name.padEnd(11)}${sparkline(cells, max)}  ${range}`
  }
  return [
    '',
    `last ${minutes} minutes`,
    line(
      'cpu',
      ({ cpu }) => cpu,
      (value) => percent(value),
      1,
    ),
    line('memory', ({ memoryUsedBytes }) => memoryUsedBytes, bytes),
    line('net in', (point) => point.receivedBytesPerSecond, rate),
    line('net out', (point) => point.sentBytesPerSecond, rate),
    line(
      'agent cpu',
      ({ agentCpu }) => agentCpu,
      (value) => percent(value, 2),
    ),
  ]
}

/** Means over equal spans of time; a span without a point is a gap. */
function cellsOf(
  history: readonly HistoryPoint[],
  endMs: number,
  minutes: number,
  value: (point: HistoryPoint) => number | undefined,
): (number | undefined)[] {
  const spanMs = (minutes * 60_000) / HISTORY_CELLS
  const sums = new Array<number>(HISTORY_CELLS).fill(0)
  const counts = new Array<number>(HISTORY_CELLS).fill(0)
  for (const point of history) {
    const cell = HISTORY_CELLS - 1 - Math.floor((endMs - point.atMs) / spanMs)
    const figure = value(point)
    if (cell < 0 || cell >= HISTORY_CELLS || figure === undefined) continue
    sums[cell] = (sums[cell] as number) + figure
    counts[cell] = (counts[cell] as number) + 1
  }
  return sums.map((sum, i) => ((counts[i] as number) > 0 ? sum / (counts[i] as number) : undefined))
}
