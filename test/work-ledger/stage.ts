/** A ledger with runs in it, and the words to say what happens to them. */
import assert from 'node:assert/strict'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { RunStart } from '../../protocol/ledger/commands/work-runs.ts'
import type {
  AnyTransition,
  Transition,
  UnitAssigned,
  UnitFellOut,
  UnitFinished,
  UnitRaced,
  UnitSettled,
  UnitWaiting,
} from '../../protocol/ledger/commands/work-transitions.ts'
import { type StateLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import type { Query, ValueOf } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { DropCode, Result } from '../../protocol/ledger/result.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import type { RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import {
  type StopMode,
  stopModes,
  unitStates,
  type WaitReason,
  waitReasons,
} from '../../protocol/work/states.ts'
import { canonicalHash } from '../../protocol/workflow/canonical.ts'
import { bytesOf, Replica } from '../ledger/stage.ts'

export const text = '{"name":"release"}'
export const hash = canonicalHash(text)

/** Small enough to be reached. */
export const smallLimits: StateLimits = {
  ...stateLimits,
  runsMax: 3,
  workflowsMax: 2,
  workflowChunksMax: 3,
  signalsMax: 8,
  transitionsMax: 8,
  batchCommandsMax: 8,
  votesMax: 3,
  runItemsMax: 4,
  runRowsArchivedMax: 10,
}

export class Mesh {
  readonly replica: Replica
  timeMs = 1_000
  term = 1

  constructor(limits: StateLimits = stateLimits) {
    this.replica = new Replica(limits)
  }

  get state() {
    return this.replica.state
  }

  do(command: Command): Result {
    const payload = this.replica.seal(command, this.timeMs)
    return this.replica.apply(payload, this.term).result
  }

  ok(command: Command): Result {
    const result = this.do(command)
    assert.deepEqual(result, { code: 'ok', revision: this.state.index })
    return result
  }

  ask<Q extends Query>(query: Q): ValueOf<Q> {
    return read(this.state, query).value
  }

  /** A workflow, and a run of it that is running. */
  start(run = 'r1', also: Partial<RunStart> = {}): void {
    this.ok(putWorkflow())
    this.ok(startRun(run, also))
  }

  /** The same, in a ledger of the latest version. */
  startNew(): void {
    this.start()
    this.do({ kind: 'versionRaise', value: { to: LEDGER_VERSION } })
  }

  /** What the leader of now says; the codes of those that were dropped, by their place. */
  advance(...transitions: AnyTransition[]): Record<number, DropCode> {
    return this.advanceRun('r1', ...transitions)
  }

  advanceRun(run: string, ...transitions: AnyTransition[]): Record<number, DropCode> {
    const result = this.do(advanceOf(this.term, { run, transitions }))
    assert.equal(result.code, 'ok')
    return Object.fromEntries((result.dropped ?? []).map(({ item, code }) => [item, code]))
  }

  /** All of it takes effect. */
  sure(...transitions: AnyTransition[]): void {
    assert.deepEqual(this.advance(...transitions), {})
  }

  /** It takes no effect, changes nothing, and is told to nobody. */
  dropped(transition: AnyTransition): DropCode | undefined {
    const { rows } = this.state
    const before = [...rows.entries()]
    const told = this.replica.events.length
    const code = this.advance(transition)[0]
    assert.deepEqual([...this.state.rows.entries()], before)
    assert.equal(this.replica.events.length, told)
    return code
  }

  run(run = 'r1'): RunView {
    const view = this.ask({ kind: 'runGet', run, attempts: true })
    assert.ok(view !== undefined)
    return view
  }

  unit(stage: string, item?: number): UnitView | undefined {
    const place = item === undefined ? { stage } : { stage, item }
    return this.ask({ kind: 'unitGet', run: 'r1', ...place })
  }

  stop(mode: Exclude<StopMode, 'none'>): void {
    const kind = mode === 'kill' ? 'runKill' : 'runCancel'
    this.ok({ kind, value: { run: 'r1', by: 'anna', reason: 'enough' } })
  }
}

export function putWorkflow(whole = text): Command {
  const value = { name: 'release', chunks: 1, chunk: 0, text: bytesOf(whole) }
  return { kind: 'workflowPut', value: { hash: canonicalHash(whole), ...value } }
}

export function startRun(run: string, also: Partial<RunStart> = {}): Command {
  return { kind: 'runStart', value: { ...runStart(run), ...also } }
}

export function runStart(run: string): RunStart {
  return {
    run,
    workflow: hash,
    name: 'release',
    inputs: '{}',
    by: 'anna',
    labels: {},
    planHash: 'plan1',
  }
}

/** As the kind that knows least, of those that know all of it. */
export function advanceOf(
  term: number,
  ...runs: { run: string; transitions: AnyTransition[] }[]
): Extract<Command, { kind: 'workAdvance' | 'workRace' }> {
  const isOld = runs.every(({ transitions }) => transitions.every(isOfOld))
  if (!isOld) return { kind: 'workRace', value: { runs, term } }
  return {
    kind: 'workAdvance',
    value: { runs: runs as { run: string; transitions: Transition[] }[], term },
  }
}

function isOfOld(transition: AnyTransition): transition is Transition {
  return transition.kind !== 'raced' && transition.kind !== 'fellOut'
}

export const raced = (stage: string, also: Partial<UnitRaced> = {}): AnyTransition => ({
  kind: 'raced',
  value: { stage, attempt: 2, node: 'n2', ...also },
})

export const fellOut = (
  stage: string,
  index: number,
  also: Partial<UnitFellOut> = {},
): AnyTransition => ({
  kind: 'fellOut',
  value: { stage, attempt: 1, term: 1, index, ...also },
})

export const assigned = (stage: string, also: Partial<UnitAssigned> = {}): Transition => ({
  kind: 'assigned',
  value: { stage, attempt: 1, node: 'n1', readyMs: 900, after: [], ...also },
})

export const finished = (
  stage: string,
  index: number,
  to: keyof typeof unitStates = 'succeeded',
  also: Partial<UnitFinished> = {},
): Transition => ({
  kind: 'finished',
  value: { stage, attempt: 1, term: 1, index, to: unitStates[to], ...also },
})

export const settled = (
  stage: string,
  to: keyof typeof unitStates = 'succeeded',
  also: Partial<UnitSettled> = {},
): Transition => ({ kind: 'settled', value: { stage, to: unitStates[to], after: [], ...also } })

export const waiting = (
  stage: string,
  reason: WaitReason = 'time',
  also: Partial<UnitWaiting> = {},
): Transition => ({
  kind: 'waiting',
  value: { stage, waitsFor: waitReasons[reason], readyMs: 900, after: [], ...also },
})

export const opened = (stage: string, items: number, list?: string): Transition => ({
  kind: 'opened',
  value: { stage, items, readyMs: 900, after: [], ...(list === undefined ? {} : { list }) },
})

export const launched = (
  stage: string,
  child: RunStart,
  also: { attempt?: number; waits?: boolean; item?: number; after?: string[] } = {},
): Transition => ({
  kind: 'launched',
  value: { stage, attempt: 1, child, waits: true, readyMs: 900, after: [], ...also },
})

export const passed = (
  stages: string[],
  to: 'skipped' | 'cancelled' = 'skipped',
  after: string[] = [],
): Transition => ({ kind: 'passed', value: { stages, to: unitStates[to], after } })

export const admitted: Transition = { kind: 'admitted', value: {} }

export const stopped = (mode: StopMode): Transition => ({
  kind: 'stopped',
  value: { mode: stopModes[mode], by: 'leader', reason: 'late' },
})
