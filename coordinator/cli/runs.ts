/** `skein runs ls`, `show`, `cancel` and `kill`. */
import { exitCodes } from '../../protocol/exit-codes.ts'
import { nearest } from '../../protocol/nearest.ts'
import { Problem } from '../../protocol/problem.ts'
import type { Run, RunDetail, RunState } from '../api/run-schemas.ts'
import { confirm } from './confirm.ts'
import { type Context, document } from './context.ts'
import { ABSENT, age, zonedTime } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { endText } from './run-expected.ts'
import { pairs, type ShowFlags } from './run-flags.ts'
import { describeStage, INDENT, sayer, short, stageTable, when } from './stage-text.ts'
import { plain, table, wrapped } from './table.ts'
import { momentFrom } from './when.ts'

const runStyles: Record<RunState, Style> = {
  queued: 'dim',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

/** What an agent says that cannot ask the others. */
const STALE =
  'nobody could tell this agent whether more has happened: this is what it has heard; skein health says why'
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
    const guess = nearest(
      stage,
      detail.stages.map(({ name }) => name),
    )
    throw new Problem({
      code: 'notFound',
      why: `run ${plain(detail.run.id)} has no stage ${JSON.stringify(stage)}`,
      fix:
        guess === undefined
          ? `skein runs show ${plain(detail.run.id)} lists them`
          : `did you mean ${plain(guess)}?`,
      exitCode: exitCodes.notFound,
    })
  }
  if (context.json) document(context, { schemaVersion: detail.schemaVersion, stage: found })
  else io.out(`${describeStage(found, io)}\n`)
  return exitCodes.done
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
    say('started', `${zonedTime(run.startedMs)} by ${plain(run.by)}`),
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
  return [...told, '', stageTable(stages, run.endedMs !== undefined, io)].join('\n')
}

const promises = {
  cancel:
    'what runs is asked to end, what has succeeded is undone where the workflow says how, and its finally stages run',
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
      `run ${plain(run.id)}: ${promises[mode]}; follow it with skein runs watch ${plain(run.id)}\n`,
    )
  return exitCodes.done
}
