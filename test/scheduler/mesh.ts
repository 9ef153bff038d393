/**
 * A scheduler at work: the real ledger behind it, agents that are only told of, and time that goes
 * when nothing else is to be done. Tests say what attempts come to, and what happens to hosts and
 * leaders meanwhile.
 */
import assert from 'node:assert/strict'
import type { HostFacts } from '../../coordinator/placement/host-view.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import type { WorkTimes } from '../../coordinator/scheduler/core/core.ts'
import type { Effect } from '../../coordinator/scheduler/core/effects.ts'
import type { Turn } from '../../coordinator/scheduler/core/outbox.ts'
import { Scheduler } from '../../coordinator/scheduler/core/scheduler.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { RunStart } from '../../protocol/ledger/commands/work-runs.ts'
import type { AnyTransition } from '../../protocol/ledger/commands/work-transitions.ts'
import type { Change } from '../../protocol/ledger/events.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { Dropped, Result } from '../../protocol/ledger/result.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import type { RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import type { Assignment, AttemptReport, Outcome } from '../../protocol/work/attempt.ts'
import { attemptKey, sameFence } from '../../protocol/work/fence.ts'
import type { HeldAttempt } from '../../protocol/work/messages.ts'
import {
  canonicalHash,
  canonicalJson,
  canonicalWorkflow,
  planHash,
} from '../../protocol/workflow/canonical.ts'
import { bindInputs } from '../../protocol/workflow/inputs.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { Replica } from '../ledger/stage.ts'

/** What an attempt comes to, and after how long. */
export interface Fate {
  readonly afterMs: number
  readonly outcome: Outcome
  /** It does not end when it is asked to. */
  readonly ignoresCancel?: boolean
  readonly declines?: 'busy' | 'unsupported' | 'stopping'
}

export type Fates = (assignment: Assignment, node: string) => Fate

export const succeeds = (outputs?: Json, afterMs = 10): Fate => ({
  afterMs,
  outcome: {
    kind: 'succeeded',
    value: outputs === undefined ? {} : { outputs: JSON.stringify(outputs) },
  },
})

export const fails = (errorClass = 'transient', message = 'it broke', afterMs = 10): Fate => ({
  afterMs,
  outcome: {
    kind: 'failed',
    value: { errorClass: errorClass as 'transient', code: 'exit', message, exitCode: 1 },
  },
})

interface Held {
  readonly assignment: Assignment
  readonly takenMs: number
  finished: AttemptReport | undefined
}

interface Agent {
  readonly facts: HostFacts
  readonly held: Map<string, Held>
  isUp: boolean
}

export const host = (id: string, more: Partial<HostFacts> = {}): HostFacts => ({
  id,
  name: id,
  labels: {},
  state: 'alive',
  isKnown: true,
  version: '1',
  cores: 4,
  memoryBytes: 8 * 1024 ** 3,
  custom: {},
  attemptsMax: 64,
  ...more,
})

/** Draws that can be said again. */
export function chance(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface MeshOptions {
  readonly hosts?: readonly HostFacts[]
  readonly fates?: Fates
  readonly seed?: number
  /** From a turn to its being applied. */
  readonly commitMs?: number
  /** Whether a message between leader and agent does not arrive. */
  readonly loses?: () => boolean
  /** Whether the ledger's version is the latest, and not the first. If not said: by the seed. */
  readonly isNew?: boolean
  readonly onAssign?: (assignment: Assignment, node: string) => void
  /** What the leader knows of work before. */
  readonly times?: WorkTimes
  /** The host that whoever leads is on. */
  readonly near?: string
}

export class Mesh {
  nowMs = 1_000_000
  term = 1
  readonly replica = new Replica()
  scheduler: Scheduler
  readonly agents = new Map<string, Agent>()
  /** Assignments in the order in which they were sent, each once. */
  readonly started: string[] = []
  readonly cancels: Extract<Effect, { kind: 'cancel' }>[] = []
  readonly late: Extract<Effect, { kind: 'late' }>[] = []
  readonly raced: Extract<Effect, { kind: 'raced' }>[] = []
  readonly kept: Extract<Effect, { kind: 'keep' }>[] = []
  readonly drops: Dropped[] = []
  readonly rejected: Result[] = []
  fates: Fates
  private readonly commitMs: number
  private readonly random: () => number
  private readonly onAssign: MeshOptions['onAssign']
  private readonly times: MeshOptions['times']
  private readonly near: MeshOptions['near']
  /** Set to false when faults are to stop. */
  loses: () => boolean
  private readonly events: { atMs: number; number: number; run: () => void }[] = []
  private readonly inFlight: Turn[] = []
  private readonly workflows = new Map<string, Workflow>()
  private count = 0

  constructor(options: MeshOptions = {}) {
    const { hosts = ['a', 'b', 'c'].map((id) => host(id)), commitMs = 1 } = options
    const { seed = 1, isNew = seed % 2 === 1 } = options
    this.fates = options.fates ?? (() => succeeds())
    this.commitMs = commitMs
    this.random = chance(seed)
    this.onAssign = options.onAssign
    this.times = options.times
    this.near = options.near
    this.loses = options.loses ?? (() => false)
    for (const facts of hosts) this.agents.set(facts.id, { facts, held: new Map(), isUp: true })
    if (isNew) this.replica.do({ kind: 'versionRaise', value: { to: LEDGER_VERSION } })
    this.scheduler = this.lead()
  }

  private lead(): Scheduler {
    const scheduler = new Scheduler({
      term: this.term,
      policy: balanced,
      random: { unit: this.random },
      ...(this.times === undefined ? {} : { times: this.times }),
      ...(this.near === undefined ? {} : { near: this.near }),
    })
    scheduler.hosts(
      [...this.agents.values()].map(({ facts, isUp }) => ({
        ...facts,
        state: isUp ? facts.state : 'dead',
      })),
    )
    return scheduler
  }

  /**
   * Another leader: it knows what the ledger says, and asks the agents. So many turns of the one
   * before were committed, and nothing came of them. What the late runs stand on is not known yet.
   */
  changeLeader(committed = 0, late: readonly string[] = []): void {
    this.commitOnly(committed)
    this.term++
    // The rest of what was on its way is lost with its leader.
    this.inFlight.length = 0
    this.scheduler = this.lead()
    const { state } = this.replica
    for (const signal of read(state, { kind: 'signalList', limit: 1_000 }).value.items) {
      this.scheduler.signalled(signal, this.nowMs)
    }
    const { scheduler } = this
    scheduler.shutGroups()
    for (const run of this.openRuns()) {
      if (!late.includes(run)) this.load(run)
      else scheduler.expectRun(run, this.view(run).head.state !== 'queued')
    }
    scheduler.openGroups(this.nowMs)
    for (const node of scheduler.awaited()) {
      const agent = this.agents.get(node)
      if (agent?.isUp !== true) scheduler.lostHost(node, this.nowMs)
      else this.after(3, () => this.answerInventory(node))
    }
    this.pump()
  }

  private openRuns(): string[] {
    return read(this.replica.state, { kind: 'runIdList', prefix: '', unended: true, limit: 1_000 })
      .value.items
  }

  load(run: string): void {
    const view = wholeRun(this.replica.state, { run })
    assert.ok(view, `the run ${run} is there`)
    const before = view.spec.retry && wholeRun(this.replica.state, { run: view.spec.retry.run })
    this.scheduler.addRun(view, this.workflows.get(view.spec.workflow), this.nowMs, before)
  }

  private answerInventory(node: string): void {
    const agent = this.agents.get(node)!
    if (!agent.isUp) return
    const held = [...agent.held.values()].map(
      ({ assignment, takenMs, finished }): HeldAttempt => ({
        id: assignment.id,
        fence: assignment.fence,
        ...(finished === undefined
          ? { state: 'running', forMs: this.nowMs - takenMs }
          : { state: 'finished' }),
      }),
    )
    this.scheduler.inventory(node, held, this.nowMs)
    for (const { finished } of agent.held.values())
      if (finished !== undefined) this.tell(node, finished)
    this.pump()
  }

  do(command: Command): Result {
    const applied = this.replica.apply(this.replica.seal(command, this.nowMs), this.term)
    for (const { change } of applied.events) this.heard(change)
    return applied.result
  }

  put(text: string): { workflow: Workflow; hash: string } {
    const parsed = parseWorkflow(text)
    assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.mistakes, null, 1))
    return this.putWorkflow(parsed.workflow)
  }

  putWorkflow(workflow: Workflow): { workflow: Workflow; hash: string } {
    const canonical = canonicalWorkflow(workflow)
    const hash = canonicalHash(canonical)
    const bytes = Buffer.from(canonical)
    const size = 100 * 1024
    const chunks = Math.max(1, Math.ceil(bytes.length / size))
    for (let chunk = 0; chunk < chunks; chunk++) {
      const part = bytes.subarray(chunk * size, (chunk + 1) * size)
      const value = { hash, name: workflow.name, chunks, chunk, text: part }
      assert.equal(this.do({ kind: 'workflowPut', value }).code, 'ok')
    }
    this.workflows.set(hash, workflow)
    return { workflow, hash }
  }

  publish(text: string): void {
    const { workflow, hash } = this.put(text)
    const value = { name: workflow.name, hash }
    assert.equal(this.do({ kind: 'workflowPublish', value }).code, 'ok')
  }

  start(
    text: string | { workflow: Workflow; hash: string },
    inputs: Readonly<Record<string, Json>> = {},
    more: Partial<RunStart> = {},
  ): string {
    const { workflow, hash } = typeof text === 'string' ? this.put(text) : text
    const bound = bindInputs(workflow, inputs)
    assert.ok(bound.ok, bound.ok ? '' : JSON.stringify(bound.mistakes))
    const run = more.run ?? `r${++this.count}`
    const value: RunStart = {
      run,
      workflow: hash,
      name: workflow.name,
      inputs: canonicalJson(bound.values),
      by: 'ann',
      labels: {},
      planHash: planHash(workflow, bound.values),
      ...more,
    }
    const result = this.do({ kind: 'runStart', value })
    assert.equal(result.code, 'ok')
    this.pump()
    return run
  }

  stop(run: string, kind: 'runCancel' | 'runKill' = 'runCancel'): void {
    this.do({ kind, value: { run, by: 'eve', reason: 'enough' } })
    this.pump()
  }

  vote(run: string, stage: string, by: string, approves = true): Result {
    const { spec } = this.view(run)
    const value = { run, stage, by, approves, planHash: spec.planHash }
    const result = this.do({ kind: 'runVote', value })
    this.pump()
    return result
  }

  signal(event: string, more: { key?: string; data?: string } = {}): void {
    this.do({ kind: 'signalSend', value: { event, by: 'eve', ...more } })
    this.pump()
  }

  /** What the driver does with events of the ledger. */
  private heard(change: Change): void {
    const { scheduler, nowMs } = this
    if (change.kind === 'runStarted') this.load(change.run)
    else if (change.kind === 'runStopping' && change.mode !== 'none') {
      scheduler.stopped(change.run, change.mode, change.reason, nowMs)
    } else if (change.kind === 'voted') scheduler.voted(change, nowMs)
    else if (change.kind === 'signalled') {
      scheduler.signalled({ ...change, timeMs: this.replica.state.timeMs }, nowMs)
    }
  }

  after(ms: number, run: () => void): void {
    this.events.push({ atMs: this.nowMs + ms, number: ++this.count, run })
  }

  /** Until there is nothing to do at this moment. */
  pump(): void {
    for (;;) {
      for (let turn = this.turn(); turn !== undefined; turn = this.turn()) this.propose(turn)
      const effects = this.scheduler.effects()
      if (effects.length === 0) return
      for (const effect of effects) this.perform(effect)
    }
  }

  private turn(): Turn | undefined {
    return this.scheduler.turn(this.nowMs, this.replica.state.version)
  }

  private propose(turn: Turn): void {
    this.inFlight.push(turn)
    const { scheduler } = this
    if (this.commitMs === 0) this.commit(turn)
    else {
      this.after(this.commitMs, () => {
        if (scheduler === this.scheduler && this.inFlight.includes(turn)) this.commit(turn)
      })
    }
  }

  private commit(turn: Turn): void {
    assert.equal(this.inFlight.shift(), turn)
    const payload = this.replica.seal(turn.command, this.nowMs)
    const applied = this.replica.apply(payload, this.term)
    const { result, events } = applied
    if (result.code !== 'ok') this.rejected.push(result)
    this.drops.push(...(result.dropped ?? []))
    const { term, index } = this.replica.state
    const effects = this.scheduler.settled(turn, { term, index }, result.dropped ?? [], this.nowMs)
    for (const { change } of events) this.heard(change)
    for (const effect of effects) this.perform(effect)
    if (this.commitMs > 0) this.pump()
  }

  /** What is on its way is applied, and nothing comes of it: its leader is dead. */
  commitOnly(count = this.inFlight.length): void {
    for (const turn of this.inFlight.splice(0, count)) {
      this.replica.apply(this.replica.seal(turn.command, this.nowMs), this.term)
    }
  }

  private perform(effect: Effect): void {
    switch (effect.kind) {
      case 'assign':
        this.assigned(effect.node, effect.assignment)
        return
      case 'cancel':
        this.cancels.push(effect)
        this.cancelled(effect)
        return
      case 'committed': {
        if (this.loses()) return
        const held = this.agents.get(effect.node)?.held
        const key = attemptKey(effect.id)
        const own = held?.get(key)
        if (own && sameFence(own.assignment.fence, effect.fence)) held!.delete(key)
        return
      }
      case 'late':
        this.late.push(effect)
        return
      case 'raced':
        this.raced.push(effect)
        return
      case 'keep':
        this.kept.push(effect)
        return
      case 'inquire':
        this.after(1, () => this.answerInventory(effect.node))
        return
      case 'findWorkflow': {
        const named = read(this.replica.state, { kind: 'workflowOfName', name: effect.name }).value
        const found = named && { hash: named.hash, workflow: this.workflows.get(named.hash)! }
        this.scheduler.workflowFound(effect.name, found, this.nowMs)
        return
      }
      case 'findRun': {
        const view = wholeRun(this.replica.state, { run: effect.run })
        const state = view?.head.state
        if (view === undefined) this.scheduler.runFound(effect.run, undefined, this.nowMs)
        else if (state === 'queued' || state === 'running') this.load(effect.run)
        else {
          const { outputs } = view
          this.scheduler.runFound(
            effect.run,
            { state: state!, outputs, reason: view.head.reason },
            this.nowMs,
          )
        }
        return
      }
      case 'reload':
        this.load(effect.run)
    }
  }

  private assigned(node: string, assignment: Assignment): void {
    const agent = this.agents.get(node)
    if (agent?.isUp !== true || this.loses()) return
    const key = attemptKey(assignment.id)
    const known = agent.held.get(key)
    if (known !== undefined && sameFence(known.assignment.fence, assignment.fence)) return
    this.onAssign?.(assignment, node)
    const fate = this.fates(assignment, node)
    if (fate.declines !== undefined) {
      const news = {
        kind: 'refused',
        value: { code: fate.declines, message: `not ${node}` },
      } as const
      this.after(1, () => this.tell(node, { id: assignment.id, fence: assignment.fence, news }))
      return
    }
    const { stage, item } = assignment.id
    this.started.push(item === undefined ? stage : `${stage}/${item}`)
    agent.held.set(key, { assignment, takenMs: this.nowMs, finished: undefined })
    const accepted: AttemptReport['news'] = { kind: 'accepted', value: { unenforced: [] } }
    this.after(1, () =>
      this.tell(node, { id: assignment.id, fence: assignment.fence, news: accepted }),
    )
    this.after(fate.afterMs, () => this.finish(node, assignment, fate.outcome))
  }

  private finish(node: string, { id, fence }: Assignment, outcome: Outcome): void {
    const own = this.agents.get(node)!.held.get(attemptKey(id))
    if (own === undefined || own.finished !== undefined || !sameFence(own.assignment.fence, fence))
      return
    const value = { outcome, usage: { wallMs: 1 }, endedAtMs: this.nowMs }
    own.finished = { id, fence, news: { kind: 'finished', value } }
    this.tell(node, own.finished)
  }

  /** Until it is committed, a result is said again. */
  private tell(node: string, report: AttemptReport): void {
    const agent = this.agents.get(node)!
    if (!agent.isUp) return
    if (!this.loses()) this.scheduler.report(node, report, this.nowMs)
    this.pump()
    const key = attemptKey(report.id)
    if (agent.held.get(key)?.finished !== report) return
    this.after(50, () => {
      if (agent.held.get(key)?.finished === report) this.tell(node, report)
    })
  }

  private cancelled({ node, id, fence, reason }: Extract<Effect, { kind: 'cancel' }>): void {
    const agent = this.agents.get(node)
    const own = agent?.held.get(attemptKey(id))
    if (
      this.loses() ||
      !agent?.isUp ||
      own === undefined ||
      !sameFence(own.assignment.fence, fence)
    )
      return
    if (this.fates(own.assignment, node).ignoresCancel === true) return
    this.after(2, () => this.finish(node, own.assignment, { kind: 'cancelled', value: { reason } }))
  }

  /** It is gone with all that it had, and the leader hears of it a little later. */
  killHost(node: string): void {
    const agent = this.agents.get(node)!
    agent.isUp = false
    agent.held.clear()
    this.after(5, () => {
      if (agent.isUp) return
      this.scheduler.hosts([{ ...agent.facts, state: 'dead' }])
      this.scheduler.lostHost(node, this.nowMs)
      this.pump()
    })
  }

  /** The agent begins anew, with nothing. */
  reviveHost(node: string): void {
    const agent = this.agents.get(node)!
    agent.isUp = true
    this.scheduler.hosts([agent.facts])
    this.answerInventory(node)
  }

  /** The leader has said it, and it is not applied. */
  isOnItsWay(kind: AnyTransition['kind']): boolean {
    return this.inFlight.some(({ items }) => items.some((each) => each.transition?.kind === kind))
  }

  isAtRest(): boolean {
    return this.openRuns().length === 0 && this.inFlight.length === 0
  }

  /** Time goes on until all runs are over, or so far. */
  run(forMs = 3_600_000, isDone = () => this.isAtRest()): void {
    const untilMs = this.nowMs + forMs
    for (let steps = 0; ; steps++) {
      assert.ok(steps < 2_000_000, 'it comes to rest')
      this.pump()
      const dueMs = this.scheduler.nextDueMs() ?? Number.POSITIVE_INFINITY
      let next: Mesh['events'][number] | undefined
      for (const event of this.events) {
        if (
          next === undefined ||
          event.atMs < next.atMs ||
          (event.atMs === next.atMs && event.number < next.number)
        ) {
          next = event
        }
      }
      const atMs = Math.min(dueMs, next?.atMs ?? Number.POSITIVE_INFINITY)
      if (atMs > untilMs || isDone()) {
        if (atMs > untilMs) this.nowMs = Math.max(this.nowMs, untilMs)
        return
      }
      this.nowMs = Math.max(this.nowMs, atMs)
      if (next === undefined || next.atMs > this.nowMs) continue
      this.events.splice(this.events.indexOf(next), 1)
      next.run()
    }
  }

  view(run: string): RunView {
    const view = wholeRun(this.replica.state, { run, attempts: true })
    assert.ok(view, `the run ${run} is there`)
    return view
  }

  unit(run: string, stage: string, item?: number): UnitView | undefined {
    return this.view(run).units.find((each) => each.stage === stage && each.item === item)
  }

  /** Of stages, as `state`; of those that nothing happened to, nothing. */
  states(run: string): Record<string, string> {
    return Object.fromEntries(
      this.view(run)
        .units.filter(({ item }) => item === undefined)
        .map(({ stage, state }) => [stage, state]),
    )
  }

  state(run: string): string {
    return this.view(run).head.state
  }

  outputs(run: string): Json {
    return JSON.parse(this.view(run).outputs ?? 'null') as Json
  }
}
