/**
 * All that a scheduler has in mind, and the small steps that everything else is made of: what is to
 * be looked at next, who is woken when, who waits where. It decides nothing.
 */
import type { TaskTimes } from '../../../models/profiles/by-host.ts'
import type { AnyTransition } from '../../../protocol/ledger/commands/work-transitions.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { AttemptId } from '../../../protocol/work/fence.ts'
import type { HostView } from '../../placement/host-view.ts'
import { Hosts } from '../../placement/hosts.ts'
import type { PlacementPolicy } from '../../placement/policy.ts'
import { Choices } from './choices.ts'
import type { Plan } from './compiled.ts'
import type { Effect } from './effects.ts'
import { Expected } from './expected.ts'
import { Groups } from './groups.ts'
import { Heap } from './heap.ts'
import { urgency } from './limits.ts'
import { Outbox } from './outbox.ts'
import { ReadyQueue } from './ready-queue.ts'
import { type Alarm, type Leaving, type Run, Unit } from './run.ts'
import { SignalBoard } from './signal-board.ts'

/** What is to be looked at, one after the other, so that nothing calls itself however long a chain is. */
export type Task =
  /** All that it needs is over. */
  | { readonly kind: 'decide'; readonly run: Run; readonly stage: number }
  /** It may begin: it was called, or is an item. */
  | { readonly kind: 'begin'; readonly unit: Unit }
  | { readonly kind: 'start' | 'approved' | 'retry' | 'goOn'; readonly unit: Unit }
  /** Something of what it is made of has ended. */
  | { readonly kind: 'itemOver'; readonly unit: Unit; readonly item: Unit; readonly to: number }
  | { readonly kind: 'calledOver'; readonly unit: Unit; readonly to: number }
  | { readonly kind: 'cancel'; readonly unit: Unit; readonly why: string; readonly atOnce: boolean }
  | { readonly kind: 'phase' | 'endQueued'; readonly run: Run }
  | {
      readonly kind: 'stop'
      readonly run: Run
      readonly mode: 'cancel' | 'kill'
      readonly why: string
    }

/** Asked in the middle of a choice: it answers at once with what it has. */
export interface WorkTimes {
  of(workflow: string, task: string): TaskTimes | undefined
}

const nothingKnown: WorkTimes = { of: () => undefined }

export class Core {
  readonly term: number
  readonly policy: PlacementPolicy
  readonly random: Pick<Entropy, 'unit'>
  /** What work of each kind took before, as far as it is known at this moment. Nobody waits for it. */
  readonly times: WorkTimes
  /** The host that decides here, if it does work itself. */
  readonly near: string | undefined
  nowMs = 0
  readonly runs = new Map<string, Run>()
  readonly expected = new Expected()
  readonly outbox: Outbox
  readonly ready = new ReadyQueue()
  readonly hosts = new Hosts()
  /** Attempts by the host that they are assigned to. */
  readonly assignedTo = new Map<string, Set<Unit>>()
  /** Attempts that another one outran, by host and key (`leaving.ts`). */
  readonly leaving = new Map<string, Map<string, Leaving>>()
  /** Hosts that are to say what they hold before they are given anything. */
  readonly awaited = new Set<string>()
  /** Hosts that have said so, in this term. */
  readonly answered = new Set<string>()
  /** Declared dead, and not heard since. */
  readonly lost = new Set<string>()
  /** Hosts that declined, and until when they are left alone. */
  readonly paused = new Map<string, number>()
  readonly alarms = new Heap<Alarm>((a, b) => a.atMs < b.atMs)
  readonly runGroups = new Groups<Run>()
  readonly unitGroups = new Groups<Unit>()
  readonly signals = new SignalBoard()
  readonly choices = new Choices()
  /** By the run that they have started and wait for. */
  readonly parents = new Map<string, Unit>()
  /** By the name that they look for. */
  readonly looking = new Map<string, Unit[]>()
  /** How often in a row something of a run was dropped. */
  readonly drops = new Map<string, number>()
  /** When silent hosts are asked again. */
  inquireAtMs = 0
  /** Late attempts that a second one may be made beside. */
  readonly late = new Set<Unit>()
  /** Units that have a second attempt, or had one since it was looked last. */
  readonly racing = new Set<Unit>()
  /** The ledger is of a version with two attempts of a unit at once. */
  knowsRaces = false
  /** Runs that are to be read anew, and when. */
  readonly reloads = new Map<string, number>()
  private readonly effects: Effect[] = []
  private readonly tasks: Task[] = []
  private taskAt = 0
  private candidates: readonly HostView[] | undefined

  constructor(
    term: number,
    policy: PlacementPolicy,
    random: Pick<Entropy, 'unit'>,
    times: WorkTimes = nothingKnown,
    near?: string,
  ) {
    this.term = term
    this.near = near
    this.times = times
    this.outbox = new Outbox(term)
    this.policy = policy
    this.random = random
  }

  later(task: Task): void {
    this.tasks.push(task)
  }

  nextTask(): Task | undefined {
    if (this.taskAt === this.tasks.length) {
      this.tasks.length = 0
      this.taskAt = 0
      return undefined
    }
    return this.tasks[this.taskAt++]
  }

  /** One to which something is about to happen for the first time. */
  unit(run: Run, plan: Plan, item: number, parent: Unit | undefined): Unit {
    const unit = new Unit(run, plan, item, parent, this.nowMs)
    unit.urgency = urgencyOf(run, plan)
    return unit
  }

  /** For a transition of one unit. */
  emit(
    unit: Unit,
    transition: AnyTransition,
    bytes: number,
    then?: Parameters<Outbox['push']>[3],
  ): number {
    return this.outbox.push(unit.run, transition, bytes, then)
  }

  effect(effect: Effect): void {
    this.effects.push(effect)
  }

  takeEffects(): Effect[] {
    return this.effects.splice(0)
  }

  /** Hosts that may be given something. */
  open(): readonly HostView[] {
    this.candidates ??=
      this.awaited.size === 0 && this.paused.size === 0 && this.lost.size === 0
        ? this.hosts.all()
        : this.hosts.all().filter(({ id }) => this.isOpen(id))
    return this.candidates
  }

  isOpen(node: string): boolean {
    return !this.awaited.has(node) && !this.paused.has(node) && !this.lost.has(node)
  }

  /** Who may be given something has changed. */
  hostsChanged(): void {
    this.candidates = undefined
    this.ready.changed()
  }

  /** Instead of any alarm that it has; undefined for none. */
  setAlarm(of: Unit | Run, atMs: number | undefined): void {
    const held = of.alarm
    if (held !== undefined) {
      if (held.atMs === atMs) return
      this.alarms.remove(held)
      of.alarm = undefined
    }
    if (atMs === undefined) return
    of.alarm = { atMs, of, place: -1 }
    this.alarms.push(of.alarm)
  }
}

/** The lower, the sooner. It never changes, so that whoever waits comes to be the first. */
function urgencyOf(run: Run, { stage, rank }: Plan): number {
  const { workflow } = run.compiled
  const priority = stage.priority ?? run.spec.priority ?? workflow.priority
  const deadlineMs = stage.deadlineMs ?? workflow.deadlineMs
  let fromMs = run.startedMs
  if (deadlineMs !== undefined) {
    const leftMs = deadlineMs - (rank + 1) * urgency.stageAssumedMs
    fromMs = Math.min(fromMs, run.startedMs + leftMs - urgency.deadlineWorthMs)
  }
  return fromMs - priority * urgency.priorityWorthMs
}

export function named({ plan, item }: Unit): { stage: string; item?: number } {
  return item < 0 ? { stage: plan.stage.name } : { stage: plan.stage.name, item }
}

export function attemptOf(unit: Unit): AttemptId {
  return { run: unit.run.id, ...named(unit), attempt: unit.attempt }
}

/** Clean-up and undoing go on while the run is being cancelled. */
export function isClosing({ plan }: Unit): boolean {
  return plan.stage.section === 'finally' || isUndoing(plan)
}

export function isUndoing({ stage }: Unit['plan']): boolean {
  return stage.role === 'compensation' && stage.section === 'stages'
}

/** Nothing new begins here any more. */
export function isStopped(unit: Unit): boolean {
  const { stop } = unit.run
  return stop > 1 || (stop === 1 && !isClosing(unit))
}

/**
 * What a transition of the stage stands on: ends of its needs that are not in the ledger yet. When
 * there are more than may be named: undefined.
 */
export function groundOf(
  { outbox }: Core,
  run: Run,
  needs: Iterable<number>,
  max: number,
  except?: ReadonlySet<number>,
): string[] | undefined {
  if (outbox.isQuiet(run)) return []
  const names: string[] = []
  for (const need of needs) {
    if (!outbox.isOnItsWay(run.overAt[need]!) || except?.has(need) === true) continue
    if (names.length >= max) return undefined
    names.push(run.compiled.plans[need]!.stage.name)
  }
  return names
}
