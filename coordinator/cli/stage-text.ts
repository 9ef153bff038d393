/** Stages of runs for eyes: as a table, and one closely, with its items and each try. */
import type { Attempt, Item, Stage } from '../api/run-schemas.ts'
import { ABSENT, age, bytes, calendarDay, clockTime } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { plain, table, wrapped } from './table.ts'

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

export const INDENT = 11
const OUTPUTS_CELLS = 400

const DAY_MS = 86_400_000

/** By the clock of whoever reads it; with its day where that is not near. */
export function when(atMs: number): string {
  const clock = clockTime(atMs)
  if (Math.abs(Date.now() - atMs) < DAY_MS) return clock
  return `${calendarDay(atMs)} ${clock.slice(0, 'HH:MM'.length)}`
}

export type Say = (about: string, ...parts: string[]) => string

export function sayer(io: Io): Say {
  return (about, ...parts) => wrapped(about.padEnd(INDENT), parts, io.columns(), INDENT)
}

export function short(value: unknown): string {
  const text = plain(JSON.stringify(value) ?? ABSENT)
  return text.length <= OUTPUTS_CELLS ? text : `${text.slice(0, OUTPUTS_CELLS)}…`
}

/** `isOver`: of the run. */
export function stageTable(stages: readonly Stage[], isOver: boolean, io: Io): string {
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
      isOver && stage.state === 'pending' ? paint(io, 'dim', 'not run') : stageState(stage, io),
      plain(hostsOf(stage)),
      stage.attempt > 0 ? String(stage.attempt) : ABSENT,
      tookOf(stage),
      age(cpuOf(last)),
      bytes(last?.usage?.memoryPeakBytes),
      plain(reasonOf(stage) ?? '') || ABSENT,
    ]
  })
  return table(columns, rows, io.columns())
}

/** Of two at work at once, both. */
export function hostsOf({ nodeName, rival }: Stage): string {
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

export function lateOf({ late }: Stage): string | undefined {
  if (late === undefined) return undefined
  return `late: usually ${age(late.usualMs)}, nearly always under ${age(late.farMs)}`
}

/** Why it is as it is, in few words, where there is something to say. */
export function reasonOf(stage: Stage): string | undefined {
  return waitOf(stage) ?? lateOf(stage) ?? choiceOf(stage)
}

/** Of one that chooses: which others it took. */
export function choiceOf({ chose }: Pick<Stage, 'chose'>): string | undefined {
  if (chose === undefined) return undefined
  return `chose ${chose.stages.join(', ') || 'nothing'}`
}

/** What it waits for and until when, and after what. */
export function waitOf({
  waitsFor,
  dueMs,
  detail,
  key,
  why,
}: Pick<Stage, 'waitsFor' | 'dueMs' | 'detail' | 'key' | 'why'>): string | undefined {
  if (waitsFor === undefined) return why || undefined
  const until = dueMs === undefined ? '' : ` until ${when(dueMs)}`
  const after = why ? `, after: ${why}` : ''
  return `${waitWords[waitsFor](detail ?? '', key)}${until}${after}`
}

const waitWords: Readonly<
  Record<NonNullable<Stage['waitsFor']>, (detail: string, key: string | undefined) => string>
> = {
  time: () => 'waits',
  approval: () => 'waits for approval',
  signal: (event, key) =>
    `waits for the event ${event}${key === undefined ? '' : ` with the key ${key}`}`,
  subflow: (run) => `waits for the run ${run}`,
  retry: () => 'waits to be tried again',
  fallback: () => 'waits for the stage that stands in for it',
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

export function describeStage(stage: Stage, io: Io): string {
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
  const why = waitOf(stage)
  if (why !== undefined) told.push(say(stage.waitsFor === undefined ? 'why' : 'waits', plain(why)))
  told.push(...choiceLines(stage.chose, say), ...approvalLines(stage.approval, say))
  if (stage.outputs !== undefined) told.push(say('outputs', short(stage.outputs)))
  for (const { item, files, bytes: size, nodeName } of stage.artifacts ?? []) {
    const of = item === undefined ? [] : [`item ${item}`]
    told.push(say('artifacts', ...of, `${files} files`, bytes(size), `on ${plain(nodeName)}`))
  }
  told.push(...itemLines(stage, io))
  for (const attempt of stage.attempts ?? []) told.push('', ...attemptLines(attempt, say))
  const { rival } = stage
  if (rival !== undefined) {
    const place = `running on ${plain(rival.nodeName)}, beside the one on ${plain(stage.nodeName ?? '')}`
    told.push('', say(`attempt ${rival.attempt}`, place, when(rival.assignedMs)))
  }
  return told.join('\n')
}

function choiceLines(chose: Stage['chose'], say: Say): string[] {
  if (chose === undefined) return []
  const { case: number, when, stages } = chose
  const because =
    number === undefined
      ? 'none of its cases held'
      : `its case ${number} held: ${plain(when ?? '')}`
  return [say('chose', plain(stages.join(', ')) || 'nothing', because)]
}

function approvalLines(approval: Stage['approval'], say: Say): string[] {
  if (approval === undefined) return []
  const { votes, message, roles = [], from = [] } = approval
  const yes = votes.filter(({ approves }) => approves).length
  const told = votes.map(({ by, approves, note }) => {
    return plain(`${by} ${approves ? 'yes' : 'no'}${note ? ` (${note})` : ''}`)
  })
  const asked = [...from, ...roles.map((role) => `whoever has the role ${role}`)]
  return [
    ...(message === undefined ? [] : [say('message', plain(message))]),
    ...(asked.length === 0 ? [] : [say('asks', plain(asked.join(' or ')))]),
    say('approvals', `${yes} of ${approval.count}`, ...told),
  ]
}

/** Those that are in trouble first; where there are many, as many as one looks at. */
const ITEMS_SHOWN_MAX = 50
const itemOrder = ['failed', 'cancelled', 'assigned', 'waiting', 'pending', 'succeeded', 'skipped']

function itemLines({ items }: Stage, io: Io): string[] {
  if (items === undefined || items.units.length === 0) return []
  const place = ({ state }: Item) => itemOrder.indexOf(state)
  const sorted = items.units.toSorted((a, b) => place(a) - place(b) || a.item - b.item)
  const shown = sorted.slice(0, ITEMS_SHOWN_MAX)
  const rows = shown.map((item) => [
    String(item.item),
    paint(io, stageStyles[item.state], item.state === 'assigned' ? 'running' : item.state),
    plain(item.nodeName ?? ABSENT),
    item.attempt > 0 ? String(item.attempt) : ABSENT,
    plain(waitOf(item) ?? '') || ABSENT,
  ])
  const columns = [
    { title: 'ITEM', right: true },
    { title: 'STATE' },
    { title: 'HOST' },
    { title: 'TRIES', right: true },
    { title: 'WHY', cutTo: 24 },
  ]
  const left = items.count - shown.length
  const more = left > 0 ? [`and ${left} more; --json has up to a thousand`] : []
  return ['', table(columns, rows, io.columns()), ...more]
}

const outcomeWords: Readonly<Record<Attempt['outcome'], string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timedOut: 'ran out of time',
  lost: 'not begun or lost',
}

/** Of what a failed one wrote. */
const LOG_LINES_SHOWN = 5

function attemptLines(attempt: Attempt, say: Say): string[] {
  const { nodeName, assignedMs, endedMs, outcome, code, message, exitCode, usage } = attempt
  const lines = [
    say(
      `attempt ${attempt.attempt}`,
      `${outcomeWords[outcome]} on ${plain(nodeName)}`,
      `${when(assignedMs)}, ${age(endedMs - assignedMs)}`,
      ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
    ),
  ]
  if (message) lines.push(say('', plain(`${message}${code ? ` (${code})` : ''}`)))
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
  if (outcome === 'failed' || outcome === 'timedOut') lines.push(...lastWords(attempt))
  return lines
}

/** A failure is mostly explained by what was written last. */
function lastWords({ logTail = '' }: Attempt): string[] {
  const lines = logTail.trimEnd().split('\n').slice(-LOG_LINES_SHOWN)
  return lines.filter((line) => line !== '').map((line) => `${' '.repeat(INDENT)}| ${plain(line)}`)
}
