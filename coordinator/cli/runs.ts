/** `skein runs ls`, `show`, `cancel` and `kill`. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { Attempt, Run, RunDetail, RunState, Stage } from '../api/run-schemas.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, bytes, clockTime } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { endText } from './run-expected.ts'
import { pairs, type ShowFlags } from './run-flags.ts'
import { plain, table, wrapped } from './table.ts'
import { wrongUse } from './usage.ts'
import { momentFrom } from './when.ts'

const runStyles: Record<RunState, Style> = {
  queued: 'dim',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

const stageStyles: Record<Stage['state'], Style> = {
  pending: 'dim',
  waiting: 'yellow',
  open: 'cyan',
  assigned: 'cyan',
  succeeded: 'green',
  failed: 'red',
  skipped: 'dim',
  cancelled: 'yellow',
}

/** What an agent says that cannot ask the others. */
const STALE =
  'nobody could tell this agent whether more has happened: this is what it has heard; skein health says why'
const INDENT = 11
const OUTPUTS_CELLS = 400

export interface ListFlags {
  state?: string
  name?: string
  label?: string[]
  since?: string
  until?: string
  where?: string
  limit: string
}

export async function list(context: Context, flags: ListFlags): Promise<number> {
  const { state, name, label, since, until, where, limit } = flags
  const labels = Object.entries(pairs('--label', label)).map(([key, value]) => `${key}=${value}`)
  const answer = await context.client.call('runs', {
    query: {
      limit: Number(limit),
      ...(state === undefined ? {} : { state }),
      ...(name === undefined ? {} : { name }),
      ...(labels.length === 0 ? {} : { label: labels.join(',') }),
      ...(where === undefined ? {} : { where }),
      ...(since === undefined ? {} : { sinceMs: momentFrom('--since', since) }),
      ...(until === undefined ? {} : { untilMs: momentFrom('--until', until) }),
    },
  })
  const { runs, next, stoppedEarly, silent, stale } = answer
  const { io, quiet } = context
  if (context.json) document(context, answer)
  else if (runs.length > 0) io.out(`${runTable(runs, io)}\n`)
  else if (!quiet) io.err('no run is like that\n')
  if (!context.json && !quiet) {
    if (stoppedEarly !== undefined) {
      const { scanned, backToMs } = stoppedEarly
      const back = new Date(backToMs + 1).toISOString()
      io.err(`stopped after ${scanned} runs, back to ${back}; --until ${back} goes on\n`)
    } else if (next !== undefined) {
      io.err(`these are the newest ${runs.length}; --limit shows more\n`)
    }
    if (stale) io.err(`${STALE}\n`)
    if (silent !== undefined) {
      const agents = silent === 1 ? '1 agent does' : `${silent} agents do`
      io.err(`${agents} not say what they keep; runs may be missing\n`)
    }
  }
  return runs.length > 0 ? exitCodes.done : exitCodes.notFound
}

export function runState({ state, stopping }: Run, io: Io): string {
  const text = state === 'running' && stopping !== 'none' ? 'stopping' : state
  return paint(io, runStyles[state], text)
}

export function runTable(runs: readonly Run[], io: Io): string {
  const columns = [
    { title: 'RUN' },
    { title: 'WORKFLOW', cutTo: 16 },
    { title: 'STATE' },
    { title: 'STARTED' },
    { title: 'TOOK', right: true },
    { title: 'BY', cutTo: 10, leave: 2 },
    { title: 'LABELS', cutTo: 12, leave: 1 },
    { title: 'REASON', cutTo: 20, leave: 3 },
  ]
  const rows = runs.map((run) => [
    plain(run.id),
    plain(run.name),
    runState(run, io),
    when(run.startedMs),
    age((run.endedMs ?? Date.now()) - run.startedMs),
    plain(run.by),
    plain(labelsOf(run)) || ABSENT,
    plain(run.reason ?? '') || ABSENT,
  ])
  return table(columns, rows, io.columns())
}

function labelsOf({ labels }: Run): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}

const DAY_MS = 86_400_000

function when(atMs: number): string {
  if (Date.now() - atMs < DAY_MS) return clockTime(atMs)
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
}

export async function show(
  context: Context,
  reference: string,
  { stage }: ShowFlags,
): Promise<number> {
  const detail = await context.client.call('run', { parameters: { run: reference } })
  const { io } = context
  if (stage === undefined) {
    if (context.json) document(context, detail)
    else io.out(`${describe(detail, io)}\n`)
    if (detail.stale && !context.quiet && !context.json) io.err(`${STALE}\n`)
    return exitCodes.done
  }
  const found = detail.stages.find(({ name }) => name === stage)
  if (found === undefined) {
    const known = detail.stages.map(({ name }) => name).join(', ')
    throw wrongUse(`the run has no stage ${stage}`, `there are ${plain(known)}`)
  }
  if (context.json) document(context, { schemaVersion: detail.schemaVersion, stage: found })
  else io.out(`${describeStage(found, io)}\n`)
  return exitCodes.done
}

type Say = (about: string, ...parts: string[]) => string

function sayer(io: Io): Say {
  return (about, ...parts) => wrapped(about.padEnd(INDENT), parts, io.columns(), INDENT)
}

function describe(detail: RunDetail, io: Io): string {
  const { run, inputs, outputs, retryOf, stages, expected } = detail
  const say = sayer(io)
  const took = age((run.endedMs ?? Date.now()) - run.startedMs)
  const told = [
    wrapped(
      `${paint(io, 'bold', plain(run.id))}  `,
      [plain(run.name), runState(run, io), took],
      io.columns(),
      INDENT,
    ),
    say('started', `${when(run.startedMs)} by ${plain(run.by)}`),
  ]
  if (run.state === 'running') {
    const end = expected === undefined ? 'unknown' : endText(expected, Date.now())
    told.push(say('ends', end))
  }
  if (run.stoppedBy !== undefined) told.push(say('stopped', `by ${plain(run.stoppedBy)}`))
  if (run.reason) told.push(say('reason', plain(run.reason)))
  if (run.parent !== undefined) told.push(say('part of', plain(run.parent)))
  if (retryOf !== undefined) told.push(say('again', `of ${plain(retryOf)}`))
  if (Object.keys(run.labels).length > 0) told.push(say('labels', plain(labelsOf(run))))
  for (const [name, value] of Object.entries(inputs)) {
    told.push(say('input', `${plain(name)} = ${short(value)}`))
  }
  if (outputs !== undefined) told.push(say('outputs', short(outputs)))
  return [...told, '', stageTable(stages, io)].join('\n')
}

function short(value: unknown): string {
  const text = plain(JSON.stringify(value) ?? ABSENT)
  return text.length <= OUTPUTS_CELLS ? text : `${text.slice(0, OUTPUTS_CELLS)}…`
}

function stageTable(stages: readonly Stage[], io: Io): string {
  const columns = [
    { title: 'STAGE', cutTo: 16 },
    { title: 'STATE' },
    { title: 'HOST', leave: 5 },
    { title: 'TRIES', right: true, leave: 2 },
    { title: 'TOOK', right: true },
    { title: 'CPU', right: true, leave: 3 },
    { title: 'MEMORY', right: true, leave: 3 },
    { title: 'WHY', cutTo: 24, leave: 4 },
  ]
  const rows = stages.map((stage) => {
    const last = countingOf(stage)
    return [
      plain(stage.name),
      stageState(stage, io),
      plain(hostsOf(stage)),
      stage.attempt > 0 ? String(stage.attempt) : ABSENT,
      tookOf(stage),
      age(cpuOf(last)),
      bytes(last?.usage?.memoryPeakBytes),
      plain(stage.why ?? lateOf(stage) ?? waitOf(stage) ?? '') || ABSENT,
    ]
  })
  return table(columns, rows, io.columns())
}

/** Of two at work at once, both. */
function hostsOf({ nodeName, rival }: Stage): string {
  const first = nodeName ?? ABSENT
  return rival === undefined ? first : `${first}, ${rival.nodeName}`
}

/** The last attempt that ended; of a race the one that counts, when that has ended. */
export function countingOf({
  attempts = [],
  counts,
}: Pick<Stage, 'attempts' | 'counts'>): Attempt | undefined {
  if (counts === undefined) return attempts.at(-1)
  return attempts.find(({ attempt }) => attempt === counts)
}

export function stageState(stage: Stage, io: Io): string {
  const { state, items, adopted } = stage
  const text = state === 'assigned' ? 'running' : state
  const count = items === undefined ? '' : ` ${items.states.succeeded ?? 0}/${items.count}`
  return paint(io, stageStyles[state], `${text}${count}${adopted ? ' (kept)' : ''}`)
}

function lateOf({ late }: Stage): string | undefined {
  if (late === undefined) return undefined
  return `late: usually ${age(late.usualMs)}, nearly always under ${age(late.farMs)}`
}

export function waitOf({ waitsFor, dueMs, detail }: Stage): string | undefined {
  if (waitsFor === undefined) return undefined
  const until = dueMs === undefined ? '' : ` until ${clockTime(dueMs)}`
  const of = detail === undefined ? '' : ` of ${detail}`
  return `waits for ${waitsFor}${of}${until}`
}

/** When its first attempt was assigned, which need not be the first to end; before that, since when it waits. */
export function begunMs({
  state,
  attempts = [],
  readyMs,
  changedMs,
}: Pick<Stage, 'state' | 'attempts' | 'readyMs' | 'changedMs'>): number | undefined {
  const assigned = attempts.map(({ assignedMs }) => assignedMs)
  if (state === 'assigned' && changedMs !== undefined) assigned.push(changedMs)
  return assigned.length === 0 ? readyMs : Math.min(...assigned)
}

function tookOf(stage: Stage): string {
  const { state, changedMs } = stage
  const from = begunMs(stage)
  if (from === undefined || state === 'pending') return ABSENT
  const isOver = state !== 'assigned' && state !== 'waiting' && state !== 'open'
  return age(Math.max(0, (isOver ? (changedMs ?? from) : Date.now()) - from))
}

function cpuOf(attempt: Attempt | undefined): number | undefined {
  const { cpuUserMs, cpuSystemMs } = attempt?.usage ?? {}
  if (cpuUserMs === undefined && cpuSystemMs === undefined) return undefined
  return (cpuUserMs ?? 0) + (cpuSystemMs ?? 0)
}

function describeStage(stage: Stage, io: Io): string {
  const say = sayer(io)
  const told = [
    wrapped(
      `${paint(io, 'bold', plain(stage.name))}  `,
      [stageState(stage, io), stage.kind, stage.section],
      io.columns(),
      INDENT,
    ),
  ]
  if (stage.needs.length > 0) told.push(say('needs', plain(stage.needs.join(', '))))
  const waits = waitOf(stage)
  if (waits !== undefined) told.push(say('waits', plain(waits)))
  if (stage.why !== undefined) told.push(say('why', plain(stage.why)))
  const { approval } = stage
  if (approval !== undefined) {
    const votes = approval.votes.map(({ by, approves }) => `${by} ${approves ? 'yes' : 'no'}`)
    const count = `${approval.votes.filter(({ approves }) => approves).length} of ${approval.count}`
    told.push(say('approvals', count, ...votes.map((vote) => plain(vote))))
  }
  if (stage.outputs !== undefined) told.push(say('outputs', short(stage.outputs)))
  for (const { item, files, bytes: size, nodeName } of stage.artifacts ?? []) {
    const of = item === undefined ? [] : [`item ${item}`]
    told.push(say('artifacts', ...of, `${files} files`, bytes(size), `on ${plain(nodeName)}`))
  }
  for (const attempt of stage.attempts ?? []) told.push('', ...attemptLines(attempt, say))
  const { rival } = stage
  if (rival !== undefined) {
    const place = `running on ${plain(rival.nodeName)}, beside the one on ${plain(stage.nodeName ?? '')}`
    told.push('', say(`attempt ${rival.attempt}`, place, when(rival.assignedMs)))
  }
  return told.join('\n')
}

function attemptLines(attempt: Attempt, say: Say): string[] {
  const { nodeName, assignedMs, endedMs, code, message, exitCode, usage } = attempt
  const outcome = attempt.outcome === 'lost' ? 'not begun or lost' : attempt.outcome
  const lines = [
    say(
      `attempt ${attempt.attempt}`,
      `${outcome} on ${plain(nodeName)}`,
      `${when(assignedMs)}, ${age(endedMs - assignedMs)}`,
      ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
    ),
  ]
  if (message) lines.push(say('', plain(`${code ?? ''} ${message}`.trim())))
  if (usage !== undefined) {
    lines.push(
      say(
        '',
        `cpu ${age(cpuOf(attempt))}`,
        `memory ${bytes(usage.memoryPeakBytes)}`,
        `read ${bytes(usage.ioReadBytes)}, written ${bytes(usage.ioWrittenBytes)}`,
        `queued ${age(usage.queueMs)}, started in ${age(usage.startMs)}, ran ${age(usage.wallMs)}`,
        `log ${bytes(usage.logBytes)}`,
      ),
    )
  }
  return lines
}

const promises = {
  cancel: 'what runs is stopped politely, what says how is undone, and finally stages run',
  kill: 'what runs is killed with everything that it has started, and nothing is undone',
} as const

export async function stop(
  context: Context,
  reference: string,
  mode: 'cancel' | 'kill',
  reason: string,
): Promise<number> {
  const { client, io, quiet } = context
  const { run } = await client.call('run', { parameters: { run: reference } })
  if (mode === 'kill') {
    await confirm(
      context,
      `this kills run ${plain(run.id)} of ${plain(run.name)}: ${promises.kill}`,
    )
  }
  const answer = await client.call(mode === 'kill' ? 'killRun' : 'cancelRun', {
    parameters: { run: run.id },
    body: { reason },
  })
  if (context.json) document(context, answer)
  else if (!quiet)
    io.err(
      `run ${plain(run.id)}: ${promises[mode]}; see it with skein runs watch ${plain(run.id)}\n`,
    )
  return exitCodes.done
}
