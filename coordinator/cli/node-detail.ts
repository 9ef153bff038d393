/** `skein nodes show`: one node closely, with its last hour. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { NodeDetail, Sample } from '../api/schemas.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, bytes, percent, rate } from './figures.ts'
import { historyLines } from './history.ts'
import { type Io, paint } from './io.ts'
import { labelsOf, stateOf } from './nodes.ts'
import { plain, table, wrapped } from './table.ts'

/** Where what is said of a node begins, behind what it is about. */
export const INDENT = 11

type Say = (about: string, ...parts: string[]) => string

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

export function describe(detail: NodeDetail, io: Io, minutes: number): string {
  const say: Say = (about, ...parts) => wrapped(about.padEnd(INDENT), parts, io.columns(), INDENT)
  const lines = [...ownLines(detail, io, say)]
  if (detail.unanswered !== undefined) {
    const why = `It does not answer for itself: ${plain(detail.unanswered)}`
    lines.push('', paint(io, 'yellow', why))
  }
  lines.push(...certificateLines(detail, say), ...factLines(detail, say))
  const { sample } = detail
  if (sample) lines.push('', ...sampleLines(sample, age(detail.sampleAgeMs), say))
  lines.push(...warningLines(detail, io, say))
  lines.push(...historyLines(detail.history, minutes, io.columns()), ...moduleLines(detail, io))
  lines.push(...isolationLines(detail, say))
  const refusals = Object.entries(detail.refusals)
  if (refusals.length > 0) {
    lines.push('', say('refused', ...refusals.map(([why, times]) => `${plain(why)} ${times}`)))
  }
  return lines.join('\n')
}

function ownLines({ node }: NodeDetail, io: Io, say: Say): string[] {
  const state = stateOf(node, io)
  const { revoked } = node
  const standing = [
    ...(revoked === undefined ? [] : [`by ${plain(revoked.by)}: ${plain(revoked.reason)}`]),
    ...(node.self
      ? [state, 'the agent that answers']
      : [`${state} for ${age(node.stateAgeMs)}`, `heard ${age(node.heardAgeMs)} ago`]),
    `incarnation ${node.incarnation}`,
  ]
  return [
    wrapped(`${paint(io, 'bold', plain(node.name))}  `, standing, io.columns(), INDENT),
    say('id', plain(node.id)),
    say('version', `${plain(node.version)} (wire ${node.wireVersion}) on ${plain(node.platform)}`),
    say('addresses', node.addresses.map(plain).join(`\n${' '.repeat(INDENT)}`) || ABSENT),
    say('labels', plain(labelsOf(node.labels)) || ABSENT),
  ]
}

function certificateLines({ certificate }: NodeDetail, say: Say): string[] {
  if (certificate === undefined) return []
  const { roles, serial, notAfterMs } = certificate
  const until = new Date(notAfterMs).toISOString().slice(0, 'YYYY-MM-DD'.length)
  return [say('certified', roles.map(plain).join(' and '), `until ${until}`, plain(serial))]
}

function factLines({ facts, speed }: NodeDetail, say: Say): string[] {
  if (!facts) return []
  const cores =
    facts.coresUsable === facts.cores ? `${facts.cores}` : `${facts.coresUsable} of ${facts.cores}`
  return [
    say('host', plain(facts.hostname), plain(facts.kernel), plain(facts.arch), facts.kind),
    say('cpu', plain(facts.cpuModel), `${cores} cores`),
    say('memory', bytes(facts.memoryUsableBytes)),
    say('speed', ...speedParts(speed)),
  ]
}

function speedParts(speed: NodeDetail['speed']): string[] {
  if (speed === undefined) return ['not known yet: it is found out when the host is idle']
  const { cpu, memoryBytesPerSecond, diskBytesPerSecond, syncMs, measuredMs } = speed
  return [
    `one core ${cpu.toFixed(2)} times the usual`,
    `memory ${rate(memoryBytesPerSecond)}`,
    ...(diskBytesPerSecond === undefined ? [] : [`disk ${rate(diskBytesPerSecond)}`]),
    ...(syncMs === undefined ? [] : [`sync ${syncMs.toFixed(1)}ms`]),
    `measured ${age(Math.max(0, Date.now() - measuredMs))} ago`,
  ]
}

const ruleNames = {
  memoryBytes: 'memory',
  cpuCores: 'cpu',
  processesMax: 'processes',
  noNewPrivileges: 'no new privileges',
  ownUser: 'a user of their own',
  sandbox: 'a sandbox where they ask for one',
  secretFiles: 'secrets as files in memory',
} as const

/** What stages there are held to, and what not. */
function isolationLines({ isolation = [] }: NodeDetail, say: Say): string[] {
  if (isolation.length === 0) return []
  const held = isolation.filter(({ missing }) => missing === undefined)
  const lines = ['', say('isolation', held.map(({ name }) => ruleNames[name]).join(', ') || ABSENT)]
  for (const { name, missing } of isolation) {
    if (missing !== undefined) lines.push(say('', `not ${ruleNames[name]}: ${plain(missing)}`))
  }
  return lines
}

function sampleLines(sample: Sample, ageOfIt: string, say: Say): string[] {
  const used = sample.memoryTotalBytes - sample.memoryAvailableBytes
  const cores = sample.cpuPerCore?.map((share) => percent(share)).join(' ')
  return [
    say(
      'now',
      `cpu ${percent(sample.cpu)}${cores ? ` (${cores})` : ''}`,
      `memory ${bytes(used)} of ${bytes(sample.memoryTotalBytes)}`,
      swapOf(sample),
      `measured ${ageOfIt} ago`,
    ),
    say('load', sample.load?.map((value) => value.toFixed(2)).join(' ') ?? ABSENT),
    say(
      'agent',
      `cpu ${percent(sample.agent.cpu, 2)} of a core`,
      `${bytes(sample.agent.residentBytes)} resident`,
    ),
    ...sample.disks.map((disk) =>
      say(
        'disk',
        `${plain(disk.mount)}  ${bytes(disk.availableBytes)} free of ${bytes(disk.totalBytes)}`,
        `reads ${rate(disk.readBytesPerSecond)}`,
        `writes ${rate(disk.writtenBytesPerSecond)}`,
      ),
    ),
    ...sample.network.map((link) =>
      say(
        'network',
        `${plain(link.interface)}  in ${rate(link.receivedBytesPerSecond)}`,
        `out ${rate(link.sentBytesPerSecond)}`,
      ),
    ),
    ...sample.temperatures.map(({ sensor, celsius }) =>
      say('heat', `${plain(sensor)}  ${celsius.toFixed(1)} °C`),
    ),
  ]
}

/** From how its figures went; beside what it cannot judge yet. */
function warningLines({ warnings, unjudged }: NodeDetail, io: Io, say: Say): string[] {
  if (warnings === undefined) return []
  const lines = warnings.map(({ text, sinceMs }, i) => {
    const since = `since ${age(Math.max(0, Date.now() - sinceMs))}`
    return say(i === 0 ? 'warns' : '', paint(io, 'yellow', plain(text)), since)
  })
  if (lines.length === 0) lines.push(say('warns', 'of nothing'))
  if (unjudged !== undefined) lines.push(say('', plain(unjudged)))
  return ['', ...lines]
}

/** A host may have none, which it says, or not tell. */
function swapOf({ swapTotalBytes, swapUsedBytes }: Sample): string {
  if (swapTotalBytes === 0) return 'no swap'
  const total = swapTotalBytes === undefined ? '' : ` of ${bytes(swapTotalBytes)}`
  return `swap ${bytes(swapUsedBytes)}${total}`
}

function moduleLines({ modules }: NodeDetail, io: Io): string[] {
  if (modules.length === 0) return []
  const columns = [
    { title: 'MODULE' },
    { title: 'STATE' },
    { title: 'SINCE', right: true },
    { title: '', cutTo: 8, leave: 1 },
  ]
  const rows = modules.map(({ name, state, stateAgeMs, why }) => [
    plain(name),
    plain(state),
    age(stateAgeMs),
    plain(why ?? ''),
  ])
  return ['', table(columns, rows, io.columns())]
}
