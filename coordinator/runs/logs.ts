/**
 * What the attempts of a run wrote, gathered from the hosts that have it. Each attempt is followed
 * by its own cursor, in rounds, so that a stage that writes much does not hold up the others. Of one
 * whose host is gone there is the end that came with its result, or what was shipped before it died.
 */
import type { AttemptView, RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { Finished } from '../../protocol/work/attempt.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { AttemptLog, LogPart } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import type { NameOf } from './documents.ts'
import { runLimits } from './limits.ts'

export interface LogQuestion {
  readonly run: string
  readonly stage?: string | undefined
  readonly item?: number | undefined
  /** Absent: the last of each, and both where two are at work. */
  readonly attempt?: number | undefined
  readonly follow: boolean
}

export interface PieceAsked {
  readonly run: string
  readonly stage: string
  readonly item?: number
  readonly attempt: number
  readonly from: number
  readonly waitMs: number
  /** Not of its own, but what that host had sent there. */
  readonly copyOf?: string
}

export interface LogSources {
  readonly agent: { readonly ports: { readonly clock: Pick<Clock, 'after'> } }
  readonly nameOf: NameOf
  /** The run as it is now, with its attempts. Rejects with `ApiRefusal`. */
  view(run: string): Promise<RunView>
  /** A piece of a log, from the host that has it. Rejects with `ApiRefusal`. */
  piece(node: string, asked: PieceAsked): Promise<AttemptLog>
  /** What that host had sent to others; undefined where nobody is found who has it. */
  shipped(node: string, asked: PieceAsked): Promise<AttemptLog | undefined>
  isDead(node: string): boolean
  readonly signal: AbortSignal
}

/** One attempt that is being read. */
interface Reading {
  readonly stage: string
  readonly item?: number
  readonly attempt: number
  readonly node: string
  from: number
  ended: boolean
  /** When it is over: its end, for when its host does not answer. */
  tail: string | undefined
  isOver: boolean
}

export async function* logsOf(sources: LogSources, question: LogQuestion): AsyncGenerator<LogPart> {
  const readings = new Map<string, Reading>()
  for (;;) {
    const view = await sources.view(question.run)
    const runOver = isRunOver(view.head.state)
    for (const unit of view.units) meet(readings, unit, question)
    refuseNothing(readings, question, runOver)
    const open = [...readings.values()].filter(({ ended }) => !ended)
    let heard = false
    for (const reading of open) {
      for await (const part of partsOf(sources, question, reading)) {
        heard = true
        yield part
      }
    }
    if (!question.follow || sources.signal.aborted) return
    if (runOver && [...readings.values()].every(({ ended }) => ended)) return
    if (!heard) await pause(sources.agent, runLimits.logRoundMs)
  }
}

type Ran = Pick<AttemptView, 'attempt' | 'node'>

function meet(readings: Map<string, Reading>, unit: UnitView, question: LogQuestion): void {
  const { stage, item, attempts = [] } = unit
  if (question.stage !== undefined && question.stage !== stage) return
  if (question.item !== undefined && question.item !== item) return
  const running: Ran[] =
    unit.state === 'assigned' && unit.node !== undefined
      ? [{ attempt: unit.attempt, node: unit.node }]
      : []
  if (unit.rival !== undefined) running.push({ attempt: unit.raced!, node: unit.rival.node })
  const all = [...attempts, ...running]
  const wanted =
    question.attempt === undefined
      ? lastOf(unit, running)
      : all.filter(({ attempt }) => attempt === question.attempt)
  for (const { attempt, node } of wanted) {
    const key = keyOf(unit, attempt)
    if (readings.has(key)) continue
    readings.set(key, {
      stage,
      ...(item === undefined ? {} : { item }),
      attempt,
      node,
      from: 0,
      ended: false,
      tail: undefined,
      isOver: false,
    })
  }
  // Of all that are read: which one counts may be another by now.
  for (const one of attempts) {
    const reading = readings.get(keyOf(unit, one.attempt))
    if (reading === undefined) continue
    reading.isOver = true
    reading.tail = tailOf(one)
  }
}

function keyOf({ stage, item }: UnitView, attempt: number): string {
  return `${stage}/${item ?? ''}#${attempt}`
}

/** What is at work; else the last, and of a unit that was raced the one that counts. */
function lastOf(unit: UnitView, running: readonly Ran[]): readonly Ran[] {
  if (running.length > 0) return running
  const last = unit.raced === undefined ? unit.attempts?.at(-1) : countsOf(unit)
  return last === undefined ? [] : [last]
}

function countsOf({ attempt, attempts = [] }: UnitView): AttemptView | undefined {
  return attempts.find((one) => one.attempt === attempt)
}

function tailOf({ record }: Pick<AttemptView, 'record'>): string | undefined {
  const read = record === undefined ? undefined : decode(Finished, record)
  return read?.ok ? read.value.logTail : undefined
}

function refuseNothing(
  readings: ReadonlyMap<string, Reading>,
  { run, stage, attempt, follow }: LogQuestion,
  runOver: boolean,
): void {
  if (readings.size > 0 || (follow && !runOver)) return
  const of = stage === undefined ? `run ${run}` : `stage ${stage} of run ${run}`
  const which = attempt === undefined ? 'no attempt' : `no attempt ${attempt}`
  throw new ApiRefusal(
    'notFound',
    `${of} has ${which} with a log`,
    `skein runs show ${run} lists stages and attempts`,
  )
}

async function* partsOf(
  sources: LogSources,
  { run, follow }: LogQuestion,
  reading: Reading,
): AsyncGenerator<LogPart> {
  const { stage, item, attempt, node } = reading
  const which = { run, stage, attempt, ...(item === undefined ? {} : { item }) }
  const common = commonOf(sources, reading)
  for (;;) {
    const wasOver = reading.isOver
    const asked: PieceAsked = { ...which, from: reading.from, waitMs: 0 }
    let got: AttemptLog
    try {
      got = await sources.piece(node, asked)
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      // Whoever follows hears the rest when the host is back, or the next try's.
      if (!wasOver && follow) return
      reading.ended = wasOver
      yield* withoutHost(sources, reading, asked, error.why)
      return
    }
    if (got.missing > 0) yield { ...common, note: `${got.missing} bytes were left out here` }
    for (const part of got.parts) yield { ...common, ...part }
    reading.from = got.next
    if (got.ended || (!got.known && wasOver)) {
      reading.ended = true
      if (!got.known) yield* notKept(sources, reading, asked)
      return
    }
    if (got.parts.length === 0) return
  }
}

type Common = Pick<LogPart, 'schemaVersion' | 'stage' | 'item' | 'attempt' | 'nodeName'>

function commonOf({ nameOf }: LogSources, { stage, item, attempt, node }: Reading): Common {
  const which = item === undefined ? { stage } : { stage, item }
  return { schemaVersion: SCHEMA_VERSION, ...which, attempt, nodeName: nameOf(node) }
}

/** Its host answers, and has nothing of it. */
async function* notKept(
  sources: LogSources,
  reading: Reading,
  asked: PieceAsked,
): AsyncGenerator<LogPart> {
  const common = commonOf(sources, reading)
  if (reading.tail !== undefined) {
    yield { ...common, note: 'its host keeps this log no more; this is its end' }
    yield { ...common, text: reading.tail }
    return
  }
  const copy = await sources.shipped(reading.node, asked)
  if (copy === undefined) return
  yield* shippedParts(sources, reading, copy, 'its host keeps this log no more')
}

async function* withoutHost(
  sources: LogSources,
  reading: Reading,
  asked: PieceAsked,
  unanswered: string,
): AsyncGenerator<LogPart> {
  const { tail, from, node, isOver } = reading
  const common = commonOf(sources, reading)
  const why = sources.isDead(node) ? `${common.nodeName} has died` : unanswered
  const copy = tail === undefined ? await sources.shipped(node, asked) : undefined
  if (copy !== undefined) {
    yield* shippedParts(sources, reading, copy, isOver ? why : `${why}, and it is not over`)
  } else if (!isOver) {
    yield { ...common, note: `${why}; it is not over, and its log is there` }
  } else if (from > 0) {
    yield { ...common, note: `${why}; what follows is there, and cannot be read now` }
  } else if (tail === undefined) {
    yield { ...common, note: `${why}; it had shipped nothing, so what it wrote is there only` }
  } else {
    yield { ...common, note: `${why}; this is the end of the log, as the ledger keeps it` }
    yield { ...common, text: tail }
  }
}

/** The time stands by itself: whoever shows it writes it as people there do. */
async function* shippedParts(
  sources: LogSources,
  reading: Reading,
  { missing, parts, next, shippedUntilMs }: AttemptLog,
  why: string,
): AsyncGenerator<LogPart> {
  const common = commonOf(sources, reading)
  if (parts.length === 0) {
    yield { ...common, note: `${why}; of what it may have written after this nothing was shipped` }
    return
  }
  const until = shippedUntilMs === undefined ? {} : { shippedUntilMs }
  yield { ...common, note: `${why}; this was shipped`, ...until }
  if (missing > 0) yield { ...common, note: `${missing} bytes before it were not` }
  for (const part of parts) yield { ...common, ...part }
  reading.from = next
}

function pause({ ports }: LogSources['agent'], delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    ports.clock.after(delayMs, resolve)
  })
}
