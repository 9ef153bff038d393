/**
 * The scheduler of a turn at leading: the ledger's runs, what agents report and what hosts there are
 * in; turns and effects out. Pure and optimistic: what it emits it takes for true at once, so that
 * many entries can be on their way, and when the ledger sees it otherwise it reads that run anew.
 * When the turn at leading is over it is thrown away.
 *
 * Whoever drives it: (1) tells it of all signals, then hosts, then runs that are not over, these
 * between `shutGroups` and `openGroups`; (2) after whatever it has told, appends what `turn()` gives,
 * in order, until it gives nothing, and then does `effects()`; (3) gives each turn back to `settled`
 * when its entry is applied, does what comes of that, and goes on as in (2); (4) goes on as in (2) at
 * `nextDueMs`. When an append fails, or its result is not `ok`, this is over: a new turn at leading
 * begins with a new scheduler.
 */

import type { Dropped } from '../../../protocol/ledger/result.ts'
import type { RunView } from '../../../protocol/ledger/work-view.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { AttemptReport } from '../../../protocol/work/attempt.ts'
import type { Fence } from '../../../protocol/work/fence.ts'
import type { HeldAttempt } from '../../../protocol/work/messages.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import type { Workflow } from '../../../protocol/workflow/model.ts'
import type { HostFacts } from '../../placement/host-view.ts'
import type { PlacementPolicy } from '../../placement/policy.ts'
import { admitted, applyRunReview } from './admitting.ts'
import { hear, lose, type Taken } from './attempts.ts'
import { turnTo } from './beside.ts'
import { nextDueMs, ring } from './clockwork.ts'
import { Core, type WorkTimes } from './core.ts'
import type { Effect } from './effects.ts'
import { applyReview } from './ends.ts'
import { type Explanation, explain } from './explain.ts'
import { forget, lookAt } from './forgetting.ts'
import { takeInventory } from './inventory.ts'
import { allHaveLeft, hasLeft, leavesAsIn } from './leaving.ts'
import type { Turn } from './outbox.ts'
import { stop, stopping } from './phases.ts'
import { place } from './placing.ts'
import { knowRaces, race } from './racing.ts'
import { addRun } from './resume.ts'
import type { Run, Unit } from './run.ts'
import type { Signal } from './signal-board.ts'
import { vote } from './stages.ts'
import { succeedWith } from './steps.ts'
import { type ChildEnd, workflowFound } from './subflows.ts'
import { Surprises } from './surprises.ts'
import { RACES_SINCE } from './waves.ts'
import { Work } from './work.ts'
import { WorkflowShelf } from './workflow-shelf.ts'

export interface SchedulerOptions {
  /** Of the turn at leading: half of every fence. */
  readonly term: number
  readonly policy: PlacementPolicy
  readonly random: Pick<Entropy, 'unit'>
  /** What work took before. Absent: nothing is known of it. */
  readonly times?: WorkTimes
  /** The host that this is on: what takes no time is best done where nothing has to travel. */
  readonly near?: string
}

export class Scheduler {
  private readonly core: Core
  private readonly work: Work
  private readonly shelf = new WorkflowShelf()
  private readonly surprises: Surprises
  /** The groups are shut, and open when nobody is expected who may hold a place. */
  private areAllTold = false

  constructor({ term, policy, random, times, near }: SchedulerOptions) {
    this.core = new Core(term, policy, random, times, near)
    this.work = new Work(this.core)
    this.surprises = new Surprises(this.core)
  }

  get runCount(): number {
    return this.core.runs.size
  }

  /** Something is ready, and was not placed. */
  get waitsForHosts(): boolean {
    return this.core.ready.waiting().next().done !== true
  }

  /** Ended runs that runs here do again. */
  doneAgain(): Set<string> {
    const runs = new Set<string>()
    for (const { spec } of this.core.runs.values()) if (spec.retry) runs.add(spec.retry.run)
    return runs
  }

  /** Whether `addRun` needs the workflow's text: it is read once for all runs of it. */
  knows(hash: string): boolean {
    return this.shelf.has(hash)
  }

  /** Before the runs of the ledger are told: no place of a group is given away until all are. */
  shutGroups(): void {
    this.core.runGroups.shut()
    this.core.unitGroups.shut()
  }

  /** All are told. Those that are only expected, and may hold a place, are waited for. */
  openGroups(nowMs: number): void {
    this.at(nowMs)
    this.areAllTold = true
    this.openWhenAllCame()
    this.work.all()
  }

  private openWhenAllCame(): void {
    const { core } = this
    if (!this.areAllTold || core.expected.mayHold) return
    this.areAllTold = false
    for (const review of core.runGroups.open()) applyRunReview(core, review)
    for (const review of core.unitGroups.open()) applyReview(core, review)
  }

  /**
   * A run that is not over and cannot be given yet: until `addRun` or `dropRun`, what agents say of
   * it is neither taken nor refused. `mayHold`: nor are places of groups, for it may hold some.
   */
  expectRun(run: string, mayHold: boolean): void {
    if (!this.core.runs.has(run)) this.core.expected.add(run, mayHold)
  }

  /**
   * A run as the ledger has it, whole: a new one, or one again that is known (then what was known
   * is forgotten). `before` is the run that it does again, where it says so.
   */
  addRun(view: RunView, workflow: Workflow | undefined, nowMs: number, before?: RunView): void {
    this.at(nowMs)
    const { core } = this
    core.reloads.delete(view.run)
    core.expected.delete(view.run)
    const known = core.runs.get(view.run)
    const compiled = this.shelf.hold(view.spec.workflow, workflow)
    if (known !== undefined) this.shelf.release(known.spec.workflow)
    addRun(core, view, compiled, before)
    leavesAsIn(core, view.run, view)
    if (!core.runs.has(view.run)) {
      this.shelf.release(view.spec.workflow)
      const { head, outputs } = view
      if (head.state !== 'queued' && head.state !== 'running') {
        this.childEnded(view.run, { state: head.state, outputs, reason: head.reason })
      }
    }
    this.openWhenAllCame()
    this.work.all()
  }

  /** The ledger has it no more, or its end. */
  dropRun(run: string): void {
    this.core.expected.delete(run)
    leavesAsIn(this.core, run, undefined)
    this.openWhenAllCame()
    const known = this.core.runs.get(run)
    if (known === undefined) return
    const left = forget(this.core, known)
    this.remove(known)
    lookAt(this.core, left)
  }

  /** News of some hosts. */
  hosts(news: Iterable<HostFacts>): void {
    const { core } = this
    for (const facts of news) {
      if (facts.state === 'alive' && core.lost.delete(facts.id)) {
        // It was not dead after all, or is back: what it still runs is nobody's.
        core.awaited.add(facts.id)
        core.effect({ kind: 'inquire', node: facts.id })
      }
      core.hosts.update([facts])
    }
    core.hostsChanged()
  }

  /** Nobody knows the host any more; what it had was lost before. */
  removeHost(node: string): void {
    this.core.hosts.remove(node)
    this.core.hostsChanged()
  }

  /** Hosts that are given nothing until they have said what they hold, or are dead. */
  awaited(): readonly string[] {
    return [...this.core.awaited]
  }

  /** All that a host holds. What is its own and it does not have is sent again. */
  inventory(node: string, held: readonly HeldAttempt[], nowMs: number): void {
    this.at(nowMs)
    takeInventory(this.core, node, held)
    this.work.all()
  }

  /** Declared dead: its attempts are over. */
  lostHost(node: string, nowMs: number): void {
    this.at(nowMs)
    const { core } = this
    core.lost.add(node)
    core.awaited.delete(node)
    allHaveLeft(core, node)
    for (const unit of [...(core.assignedTo.get(node) ?? [])]) {
      turnTo(unit, node)
      // One whose assignment is on its way is lost when that is there.
      if (!unit.run.isFrozen && unit.fence !== undefined) lose(core, unit)
    }
    core.hostsChanged()
    this.work.all()
  }

  /**
   * `taken`: its turn comes. `stale`: it can never count; the agent is told so. `later`: not to be
   * answered now; the agent says it again.
   */
  report(node: string, report: AttemptReport, nowMs: number): Taken {
    this.at(nowMs)
    const { id, fence, news } = report
    const isOver = news.kind === 'finished' || news.kind === 'refused'
    if (isOver) hasLeft(this.core, node, id, fence)
    const taken = this.hear(node, report)
    if (taken === 'stale') {
      this.core.effect(
        isOver
          ? { kind: 'committed', node, id, fence }
          : { kind: 'cancel', node, id, fence, reason: 'its fence has passed', atOnce: true },
      )
    }
    this.work.all()
    return taken
  }

  private hear(node: string, report: AttemptReport): Taken {
    const { core } = this
    const { id } = report
    const run = core.runs.get(id.run)
    if (run === undefined) return core.expected.has(id.run) ? 'later' : 'stale'
    if (run.isFrozen) return 'later'
    const unit = this.unitOf(run, id.stage, id.item)
    if (unit !== undefined) turnTo(unit, node)
    if (unit?.state === unitStates.assigned && unit.node === node) {
      const taken = hear(core, unit, report)
      if (taken !== 'stale') return taken
    }
    // It may be the report of an end that is on its way to the ledger.
    return core.outbox.isQuiet(run) ? 'stale' : 'later'
  }

  private unitOf(run: Run, stage: string, item: number | undefined): Unit | undefined {
    const index = run.compiled.indexOf.get(stage)
    const unit = index === undefined ? undefined : run.units.get(index)
    return item === undefined ? unit : unit?.items?.live.get(item)
  }

  /** Somebody has asked for it, and the ledger has it. */
  stopped(run: string, mode: 'cancel' | 'kill', reason: string, nowMs: number): void {
    this.at(nowMs)
    const known = this.core.runs.get(run)
    if (known !== undefined && !known.isFrozen) stopping(this.core, known, mode, reason)
    this.work.all()
  }

  /**
   * An emergency stop means these runs: nothing more of them begins, not even what cleans up, and
   * they end as cancelled when what runs is gone.
   */
  emergency(isMeant: (run: string) => boolean, reason: string, nowMs: number): void {
    this.at(nowMs)
    for (const run of [...this.core.runs.values()]) {
      if (!run.isFrozen && isMeant(run.id)) stop(this.core, run, 'kill', reason)
    }
    this.work.all()
  }

  voted(
    {
      run,
      stage,
      item,
      by,
      approves,
    }: {
      readonly run: string
      readonly stage: string
      readonly item?: number
      readonly by: string
      readonly approves: boolean
    },
    nowMs: number,
  ): void {
    this.at(nowMs)
    const known = this.core.runs.get(run)
    const unit = known === undefined || known.isFrozen ? undefined : this.unitOf(known, stage, item)
    if (unit !== undefined) vote(this.core, unit, by, approves)
    this.work.all()
  }

  /** Those that the ledger keeps, oldest first, and then each as it comes. */
  signalled(signal: Signal, nowMs: number): void {
    this.at(nowMs)
    for (const unit of this.core.signals.post(signal)) {
      if (!unit.run.isFrozen) succeedWith(this.core, unit, signal)
    }
    this.work.all()
  }

  /** The answer to `findWorkflow`; undefined when the name means nothing. */
  workflowFound(
    name: string,
    found: { readonly hash: string; readonly workflow: Workflow } | undefined,
    nowMs: number,
  ): void {
    this.at(nowMs)
    const compiled = found && this.shelf.look(found.hash, found.workflow)
    workflowFound(this.core, name, compiled)
    this.work.all()
  }

  /** The answer to `findRun`: how it ended; undefined when the ledger does not know it (any more). */
  runFound(run: string, ended: ChildEnd | undefined, nowMs: number): void {
    this.at(nowMs)
    if (!this.core.runs.has(run)) {
      this.childEnded(run, ended ?? { state: 'failed', reason: 'nothing is known of it any more' })
    }
    this.work.all()
  }

  /**
   * What is due, what is ready, said so that a ledger of this version takes it; undefined when there is
   * nothing to append, or too much on its way.
   */
  turn(nowMs: number, ledgerVersion: number): Turn | undefined {
    this.at(nowMs)
    const { core } = this
    knowRaces(core, ledgerVersion >= RACES_SINCE)
    ring(core)
    this.work.all()
    if (core.outbox.isFull) return undefined
    do place(core)
    while (this.work.all())
    race(core)
    return core.outbox.cut(ledgerVersion)
  }

  /** The entry of the turn is applied: what is to be done now. Turns come back in their order. */
  settled(turn: Turn, entry: Fence, dropped: readonly Dropped[], nowMs: number): Effect[] {
    this.at(nowMs)
    const { core } = this
    const drops = core.outbox.settle(turn, dropped)
    turn.items.forEach((item, i) => {
      const drop = drops.get(i)
      if (drop !== undefined) this.surprises.freeze(item.run, drop)
      else {
        const effect = item.then?.(entry)
        if (effect !== undefined) core.effect(effect)
      }
    })
    for (const { run, transition } of turn.items) {
      if (!run.isFrozen) {
        if (transition?.kind === 'ended') this.ended(run)
        else if (transition?.kind === 'admitted') admitted(core, run)
        if (core.drops.size > 0) core.drops.delete(run.id)
        this.work.committed(run)
      }
    }
    this.surprises.reloadQuiet()
    for (const { run, then } of turn.beside) {
      const effect = run.isFrozen ? undefined : then?.(entry)
      if (effect !== undefined) core.effect(effect)
    }
    this.work.all()
    return this.effects()
  }

  /** What can be done at once. */
  effects(): Effect[] {
    const { core } = this
    for (const { run, then } of core.outbox.idle()) {
      const effect = run.isFrozen ? undefined : then?.({ term: core.term, index: 0 })
      if (effect !== undefined) core.effect(effect)
    }
    return core.takeEffects()
  }

  /** When `turn` has something to do by the clock alone. */
  nextDueMs(): number | undefined {
    return nextDueMs(this.core)
  }

  /** Why a run, or a stage of it, is where it is. Undefined for a run that is not here. */
  explain(run: string, stage?: string): Explanation | undefined {
    const known = this.core.runs.get(run)
    return known === undefined ? undefined : explain(this.core, known, stage)
  }

  /** Why the last attempt of a unit went where it went; undefined where that is not remembered. */
  chosen(task: { run: string; stage: string; item?: number }): string | undefined {
    return this.core.choices.of(task)
  }

  private at(nowMs: number): void {
    this.core.nowMs = Math.max(this.core.nowMs, nowMs)
  }

  /** Its end is in the ledger. */
  private ended(run: Run): void {
    this.remove(run)
    const { to, outputs, reason } = run.ended!
    this.childEnded(run.id, { state: to, outputs, reason: reason ?? run.stopReason })
  }

  private childEnded(run: string, end: ChildEnd): void {
    const parent = this.core.parents.get(run)
    if (parent === undefined || parent.run.isFrozen) return
    this.core.parents.delete(run)
    this.work.childEnded(parent, end)
  }

  private remove(run: Run): void {
    const { core } = this
    core.runs.delete(run.id)
    core.drops.delete(run.id)
    core.setAlarm(run, undefined)
    this.shelf.release(run.spec.workflow)
    applyRunReview(core, core.runGroups.leave(run))
  }
}
