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
import { ApiRefusal } from '../api/refusal.ts'
import type { RunNews, Stage } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { type NameOf, runDocument, stageDocuments } from './documents.ts'
import { hasMoved, type RunExpecting } from './expected.ts'
import type { WorkflowLibrary } from './library.ts'
import { runLimits } from './limits.ts'

export interface Progress {
  /** 0 to 1. */
  readonly progress?: number | undefined
  readonly note?: string | undefined
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
      const all = newsFrom(watching, told)
      void ask(watching, told)
      let stages: Stage[] = []
      if (told.units.some(({ state }) => state === 'assigned')) {
        const now = await watching.progress()
        stages = comeFurther(all.stages, progress, now)
        progress = now
      }
      if (stages.length === 0 && !hasMoved(news.expected, all.expected)) continue
      news = { ...all, stages }
      yield news
    }
  } finally {
    wakes.end()
  }
}

/** Again from time to time, for what ends meanwhile is known then. */
async function ask({ agent, library, expecting }: Watching, view: RunView): Promise<void> {
  const found = library.find(agent.ledger.state, view.spec.workflow)
  if (found.ok) await expecting.ask(found.workflow)
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

function comeFurther(
  stages: readonly Stage[],
  before: ReadonlyMap<string, Progress>,
  now: ReadonlyMap<string, Progress>,
): Stage[] {
  return stages.flatMap((stage) => {
    const { progress, note } = now.get(stage.name) ?? {}
    const old = before.get(stage.name)
    if (progress === old?.progress && note === old?.note) return []
    return [
      {
        ...stage,
        ...(progress === undefined ? {} : { progress }),
        ...(note === undefined ? {} : { note }),
      },
    ]
  })
}

function viewOf({ agent, run }: Watching): RunView {
  const view = wholeRun(agent.ledger.state, { run })
  if (view !== undefined) return view
  throw new ApiRefusal('notFound', `run ${run} is in the ledger no more`, 'look in its history')
}

/** All stages, or those that have changed since. */
function newsFrom(watching: Watching, view: RunView, since?: RunView): RunNews {
  const { agent, library, nameOf, expecting } = watching
  const found = library.find(agent.ledger.state, view.spec.workflow)
  const stages = stageDocuments(view, found.ok ? found.workflow : undefined, nameOf)
  const { outputs } = view
  const expected = found.ok ? expecting.of(view, found.workflow) : undefined
  return {
    schemaVersion: SCHEMA_VERSION,
    run: runDocument(view.head, view.spec),
    ...(outputs === undefined ? {} : { outputs: JSON.parse(outputs) as unknown }),
    ...(expected === undefined ? {} : { expected }),
    stages: since === undefined ? stages : changed(stages, view, since),
  }
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
