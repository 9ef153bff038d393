/**
 * The news of one run, as documents: all of it first, then what changes and how far running stages
 * have come, then the end of the run ends the stream. Told from the ledger's events as they are
 * applied here, so nothing is missed; changes that come close together are told together.
 */
import type { Agent } from '../../agent/agent.ts'
import { cursorAfterIndex } from '../../protocol/ledger/events.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { RunNews, Stage } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { type NameOf, runDocument, stageDocuments } from './documents.ts'
import { hasMoved, type RunExpected, type RunExpecting } from './expected.ts'
import type { WorkflowLibrary } from './library.ts'
import { runLimits } from './limits.ts'

export interface Progress {
  /** 0 to 1. */
  readonly progress?: number | undefined
  readonly note?: string | undefined
  /** It takes far longer than such work does. */
  readonly late?: Stage['late'] | undefined
  /** Why no host can take it, where that does not pass by itself. */
  readonly stuck?: string | undefined
}

export interface Watching {
  readonly agent: Agent
  readonly library: WorkflowLibrary
  readonly nameOf: NameOf
  readonly run: string
  /** How far stages have come that run, by name, as far as the leader has heard. Never rejects. */
  readonly progress: () => Promise<ReadonlyMap<string, Progress>>
  readonly expecting: RunExpecting
  readonly signal: AbortSignal
}

export async function* newsOf(watching: Watching): AsyncGenerator<RunNews> {
  const { agent, run, signal } = watching
  const { ledger } = agent
  let told = viewOf(watching)
  let news = newsFrom(watching, told)
  yield news
  if (isRunOver(told.head.state)) return
  void ask(watching, told)
  const wakes = new Wakes(agent, run, ledger.state.index, signal)
  try {
    let progress: ReadonlyMap<string, Progress> = new Map()
    for (let why = await wakes.next(); why !== 'over'; why = await wakes.next()) {
      if (why === 'changed') {
        const view = viewOf(watching)
        wakes.seen(ledger.state.index)
        news = newsFrom(watching, view, told)
        yield news
        if (isRunOver(view.head.state)) return
        told = view
        continue
      }
      void ask(watching, told)
      let stages: Stage[] = []
      if (isAskedFor(told)) {
        const now = await watching.progress()
        const moved = movedBetween(progress, now)
        if (moved.size > 0) stages = comeFurther(documentsOf(watching, told), moved, now)
        progress = now
      }
      const expected = isHeldUp(progress) ? undefined : expectedOf(watching, told)
      if (stages.length === 0 && !hasMoved(news.expected, expected)) continue
      news = newsWith(told, stages, expected)
      yield news
    }
  } finally {
    wakes.end()
  }
}

/** Again from time to time, for what ends meanwhile is known then. */
async function ask(watching: Watching, view: RunView): Promise<void> {
  const workflow = workflowOf(watching, view)
  if (workflow !== undefined) await watching.expecting.ask(workflow)
}

type Wake = 'changed' | 'tick' | 'over'

/** When there is something to tell: after a change, a little later so that it is told with others. */
class Wakes {
  private readonly agent: Agent
  private readonly run: string
  private readonly ending = new AbortController()
  private readonly timer: Timer
  private readonly outer: AbortSignal
  private seenAt: number
  private due: Wake | undefined
  private failure: ApiRefusal | undefined
  private wake = () => {}

  constructor(agent: Agent, run: string, from: number, signal: AbortSignal) {
    this.agent = agent
    this.run = run
    this.seenAt = from
    this.outer = signal
    signal.addEventListener('abort', this.end, { once: true })
    this.timer = agent.ports.clock.every(runLimits.progressMs, () => this.say('tick'))
    void this.follow(from)
  }

  /** All up to this entry has been told. */
  seen(index: number): void {
    this.seenAt = index
  }

  async next(): Promise<Wake> {
    while (this.due === undefined && !this.ending.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    if (this.failure !== undefined) throw this.failure
    if (this.ending.signal.aborted) return 'over'
    const due = this.due as Wake
    if (due === 'changed') await pause(this.agent.ports.clock, runLimits.newsMs)
    this.due = undefined
    return due
  }

  readonly end = (): void => {
    this.outer.removeEventListener('abort', this.end)
    this.ending.abort()
    this.timer.cancel()
    this.wake()
  }

  private async follow(from: number): Promise<void> {
    const { ledger } = this.agent
    for await (const news of ledger.watch(cursorAfterIndex(from), this.ending.signal)) {
      if (news.kind === 'stopped') {
        const why = 'the ledger of this agent has stopped'
        this.failure = new ApiRefusal(
          'unreachable',
          why,
          'watch from another agent, with --address',
        )
        return this.say('over')
      }
      if (news.kind === 'gap') this.say('changed')
      else {
        const { index, change } = news.event
        if (index > this.seenAt && 'run' in change && change.run === this.run) this.say('changed')
      }
    }
  }

  private say(why: Wake): void {
    if (this.due !== 'changed') this.due = why
    this.wake()
  }
}

/** Stages that have come to another place, or say something else of it. */
function movedBetween(
  before: ReadonlyMap<string, Progress>,
  now: ReadonlyMap<string, Progress>,
): ReadonlySet<string> {
  const names = [...new Set([...before.keys(), ...now.keys()])]
  return new Set(
    names.filter((name) => {
      const old = before.get(name)
      const { progress, note, late, stuck } = now.get(name) ?? {}
      const isLate = (late === undefined) !== (old?.late === undefined)
      const isOther = progress !== old?.progress || note !== old?.note || stuck !== old?.stuck
      return isOther || isLate
    }),
  )
}

function comeFurther(
  stages: readonly Stage[],
  moved: ReadonlySet<string>,
  now: ReadonlyMap<string, Progress>,
): Stage[] {
  const those = stages.filter(({ name }) => moved.has(name))
  return those.map((stage) => withProgress(stage, now.get(stage.name)))
}

export function withProgress(stage: Stage, progress: Progress | undefined): Stage {
  const { progress: share, note, late, stuck } = progress ?? {}
  return {
    ...stage,
    ...(share === undefined ? {} : { progress: share }),
    ...(note === undefined ? {} : { note }),
    ...(late === undefined ? {} : { late }),
    ...(stuck === undefined ? {} : { why: stuck }),
  }
}

/** Whether the leader has more to say of it: something is on a host, or nothing goes on at all. */
export function isAskedFor({ head, units }: RunView): boolean {
  if (head.state !== 'running') return false
  const goesOn = units.some(({ state }) => state === 'waiting' || state === 'open')
  return !goesOn || units.some(({ state }) => state === 'assigned')
}

/** No end can be told of a run that stands still until somebody changes something. */
export function isHeldUp(progress: ReadonlyMap<string, Progress>): boolean {
  return [...progress.values()].some(({ stuck }) => stuck !== undefined)
}

function viewOf({ agent, run }: Watching): RunView {
  const view = wholeRun(agent.ledger.state, { run })
  if (view !== undefined) return view
  throw new ApiRefusal('notFound', `run ${run} is in the ledger no more`, 'look in its history')
}

/** All stages, or those that have changed since. */
function newsFrom(watching: Watching, view: RunView, since?: RunView): RunNews {
  const stages = documentsOf(watching, view)
  const told = since === undefined ? stages : changed(stages, view, since)
  return newsWith(view, told, expectedOf(watching, view))
}

function newsWith(view: RunView, stages: Stage[], expected: RunExpected | undefined): RunNews {
  const { head, spec, outputs } = view
  return {
    schemaVersion: SCHEMA_VERSION,
    run: runDocument(head, spec),
    ...(outputs === undefined ? {} : { outputs: JSON.parse(outputs) as unknown }),
    ...(expected === undefined ? {} : { expected }),
    stages,
  }
}

function documentsOf(watching: Watching, view: RunView): Stage[] {
  return stageDocuments(view, workflowOf(watching, view), watching.nameOf)
}

function expectedOf(watching: Watching, view: RunView): RunExpected | undefined {
  const workflow = workflowOf(watching, view)
  return workflow && watching.expecting.of(view, workflow)
}

function workflowOf({ agent, library }: Watching, { spec }: RunView): Workflow | undefined {
  const found = library.find(agent.ledger.state, spec.workflow)
  return found.ok ? found.workflow : undefined
}

function changed(stages: readonly Stage[], view: RunView, since: RunView): Stage[] {
  const before = new Map<string, number>()
  for (const { stage, revision } of since.units) note(before, stage, revision)
  const now = new Map<string, number>()
  for (const { stage, revision } of view.units) note(now, stage, revision)
  return stages.filter(({ name }) => now.get(name) !== before.get(name))
}

function note(newest: Map<string, number>, stage: string, revision: number): void {
  newest.set(stage, Math.max(newest.get(stage) ?? 0, revision))
}

function pause(clock: Agent['ports']['clock'], delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
