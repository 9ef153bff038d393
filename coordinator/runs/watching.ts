/**
 * The news of one run, as documents: all of it first, then what changes, then the end of the run
 * ends the stream. Told from the ledger's events as they are applied here, so nothing is missed;
 * changes that come close together are told together.
 */
import type { Agent } from '../../agent/agent.ts'
import { cursorAfterIndex, type LedgerEvent } from '../../protocol/ledger/events.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { ApiRefusal } from '../api/refusal.ts'
import type { RunNews, Stage } from '../api/run-schemas.ts'
import { SCHEMA_VERSION } from '../api/schemas.ts'
import { type NameOf, runDocument, stageDocuments } from './documents.ts'
import type { WorkflowLibrary } from './library.ts'
import { runLimits } from './limits.ts'

export interface Watching {
  readonly agent: Agent
  readonly library: WorkflowLibrary
  readonly nameOf: NameOf
  readonly run: string
  readonly signal: AbortSignal
}

export async function* newsOf(watching: Watching): AsyncGenerator<RunNews> {
  const { agent, signal } = watching
  const { ledger, ports } = agent
  let told = viewOf(watching)
  let toldAt = ledger.state.index
  yield newsFrom(watching, told)
  if (isRunOver(told.head.state)) return
  for await (const news of ledger.watch(cursorAfterIndex(toldAt), signal)) {
    if (news.kind === 'stopped') {
      const why = 'the ledger of this agent has stopped'
      throw new ApiRefusal('unreachable', why, 'watch from another agent, with --address')
    }
    if (
      news.kind === 'event' &&
      !(news.event.index > toldAt && concerns(news.event, watching.run))
    ) {
      continue
    }
    await pause(ports.clock, runLimits.newsMs)
    const view = viewOf(watching)
    toldAt = ledger.state.index
    yield newsFrom(watching, view, told)
    if (isRunOver(view.head.state)) return
    told = view
  }
}

function viewOf({ agent, run }: Watching): RunView {
  const view = wholeRun(agent.ledger.state, { run })
  if (view !== undefined) return view
  throw new ApiRefusal('notFound', `run ${run} is in the ledger no more`, 'look in its history')
}

/** All stages, or those that have changed since. */
function newsFrom({ agent, library, nameOf }: Watching, view: RunView, since?: RunView): RunNews {
  const found = library.find(agent.ledger.state, view.spec.workflow)
  const stages = stageDocuments(view, found.ok ? found.workflow : undefined, nameOf)
  const { outputs } = view
  return {
    schemaVersion: SCHEMA_VERSION,
    run: runDocument(view.head, view.spec),
    ...(outputs === undefined ? {} : { outputs: JSON.parse(outputs) as unknown }),
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

function concerns(event: LedgerEvent, run: string): boolean {
  return 'run' in event.change && event.change.run === run
}

function pause(clock: Agent['ports']['clock'], delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
