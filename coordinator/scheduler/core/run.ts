/**
 * A run and its units as the scheduler has them in mind: what the ledger says, and what it will say
 * when all that was emitted is applied. Only data; others act on it. Stages that are over are a
 * byte each; only units that live are objects.
 */
import type { ArtifactsEntry, RunSpec } from '../../../protocol/ledger/work-view.ts'
import type { AttemptId, Fence } from '../../../protocol/work/fence.ts'
import {
  type RunState,
  stopModes,
  type UnitEnd,
  unitStates,
  type WaitReason,
} from '../../../protocol/work/states.ts'
import type { Fields, Value } from '../../../protocol/workflow/expressions/values.ts'
import type { ErrorClass, Stage } from '../../../protocol/workflow/model.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import type { Compiled, Plan } from './compiled.ts'
import type { Member } from './groups.ts'
import type { Handing } from './handed-on.ts'
import type { HeapItem } from './heap.ts'

/**
 * Where a run is. `admitted`: its group has let it in, and the ledger has not applied that yet.
 * `closing`: its stages are over, and what follows waits until the ledger has all of it. `ended`:
 * said so, and not applied yet.
 */
export type Phase =
  | 'queued'
  | 'admitted'
  | 'stages'
  | 'closing'
  | 'undoing'
  | 'onFailure'
  | 'finally'
  | 'ended'

/** What can be read of a stage that is over. */
export interface Fact {
  readonly attempts: number
  readonly node: string
  readonly outputs: Value
  readonly errorClass: string
  readonly message: string
  readonly exitCode: number | undefined
}

/** A time at which somebody is to be looked at. */
export interface Alarm extends HeapItem {
  atMs: number
  readonly of: Unit | Run
}

export class Run implements Member {
  readonly id: string
  readonly compiled: Compiled
  readonly spec: RunSpec
  readonly startedMs: number
  /** The entry that made it: the order of runs. */
  readonly order: number
  readonly labels: Readonly<Record<string, string>>
  state: RunState
  phase: Phase = 'queued'
  stop: number = stopModes.none
  stopReason = ''
  /** Of each stage: how many of its needs are not over. */
  readonly left: Int32Array
  /** Of each stage: 0, or the number of its end (`unitStates`). */
  readonly over: Uint8Array
  /**
   * Of each stage: when it came to its end, as the number of the item that said so. Of those that
   * were over when the run was read: a number below zero that grows with the entry.
   */
  readonly overAt: Float64Array
  /** Stages of each section that are not over. */
  readonly open: Record<Stage['section'], number>
  /** Those that count, of the section `stages`; and whether clean-up went wrong. */
  readonly failed: number[] = []
  cancelled = 0
  cleanupFailed = false
  readonly units = new Map<number, Unit>()
  readonly facts = new Map<number, Fact>()
  /** Where stages ran that others ask to be near to, or far from. */
  readonly nodesOf = new Map<number, Set<string>>()
  /** Files that others ask for, by the stage that hands them on. */
  readonly handedOn = new Map<number, Handing[]>()
  /** Stages that stand on more ends than may be on their way at once. */
  readonly deferred = new Set<number>()
  /** So is its end. */
  endIsDeferred = false
  /** Stages that a choice has taken. */
  readonly chosen = new Set<number>()
  /** Stages that are still to be undone, the next one last. Undefined: not yet known. */
  toUndo: number[] | undefined
  /** The last thing that was emitted for it. */
  lastItem = 0
  /** Something about it was dropped: nothing happens to it until it is read anew. */
  isFrozen = false
  reloadAtMs = 0
  /** What is kept of the run that this one does again. */
  adopting: ReadonlyMap<string, Adopted> | undefined
  /** For expressions; made when first asked for. */
  inputs: Fields | undefined
  named: Fields | undefined
  alarm: Alarm | undefined
  isHolding = false
  ended: RunEnding | undefined

  constructor(
    id: string,
    compiled: Compiled,
    spec: RunSpec,
    head: { readonly startedMs: number; readonly index: number; readonly state: RunState },
  ) {
    const { plans, ordinary } = compiled
    this.id = id
    this.compiled = compiled
    this.spec = spec
    this.startedMs = head.startedMs
    this.order = head.index
    this.labels = spec.labels
    this.state = head.state
    this.left = new Int32Array(plans.length)
    this.over = new Uint8Array(plans.length)
    this.overAt = new Float64Array(plans.length)
    this.open = {
      stages: ordinary.stages.length,
      onFailure: ordinary.onFailure.length,
      finally: ordinary.finally.length,
    }
  }

  /** Whose turn it is among those of one group. */
  get rank(): number {
    return -(this.spec.priority ?? this.compiled.workflow.priority)
  }
}

export interface RunEnding {
  readonly to: 'succeeded' | 'failed' | 'cancelled'
  readonly outputs: string | undefined
  readonly reason: string | undefined
}

/** How a stage ended in the run before. */
export interface Adopted {
  readonly to: UnitEnd
  readonly outputs: string | undefined
  readonly errorClass: string | undefined
  readonly why: string | undefined
  readonly node: string
  readonly exitCode: number | undefined
  readonly artifacts: readonly ArtifactsEntry[]
}

export const unitPhases = { pending: 0, ...unitStates } as const

/** A stage, or one item of it, that something has begun to happen to. */
export class Unit implements Member {
  readonly run: Run
  readonly plan: Plan
  /** -1 for the stage itself. */
  readonly item: number
  readonly parent: Unit | undefined
  /** 0 for pending; see `unitStates`. */
  state: number = unitPhases.pending
  attempt = 0
  /** When it could have begun first, and when this try could. */
  readyMs: number
  triedMs: number
  /** How often it has failed, by the number of the class. */
  failures: number[] | undefined
  lastError: { errorClass: ErrorClass; why: string; exitCode: number | undefined } | undefined
  node = ''
  /** Of the attempt; undefined until the assignment is applied. */
  fence: Fence | undefined
  hasBegun = false
  isAccepted = false
  /** When its host took it up, as far as that is known. */
  acceptedMs: number | undefined
  /** It takes far longer than such work does, and that was told. */
  late: Late | undefined
  progress: { readonly share: number | undefined; readonly note: string | undefined } | undefined
  cancelling: Cancelling | undefined
  waitsFor: WaitReason | undefined
  dueMs: number | undefined
  approval: { readonly count: number; readonly by: Set<string>; deniedBy?: string } | undefined
  /** The event that it waits for, and its key; or the run that it has started. */
  detail: string | undefined
  key: string | undefined
  /** Of a stage with items. */
  items: Items | undefined
  /** Stages that wait for this one to stand in for them, or to undo them. */
  callers: Unit[] | undefined
  /** Asked for, and not answered yet: which workflow a name means. */
  isLooking = false
  declined: Set<string> | undefined
  unsupported: string | undefined
  avoid: string | undefined
  /** The other one, of two attempts that are at work at once. */
  beside: Beside | undefined
  /** The number of the attempt that was to outrun another, if there ever was one. */
  raced: number | undefined
  isHolding = false
  groupKey: string | undefined
  alarm: Alarm | undefined
  /** In the queue of those that are ready: its place there, and its order. */
  place = -1
  urgency = 0
  demandsKey: string | undefined
  /** When it was sent, or heard of last. */
  heardMs = 0

  constructor(run: Run, plan: Plan, item: number, parent: Unit | undefined, nowMs: number) {
    this.run = run
    this.plan = plan
    this.item = item
    this.parent = parent
    this.readyMs = nowMs
    this.triedMs = nowMs
  }

  get rank(): number {
    return this.urgency
  }

  get order(): number {
    return this.run.order
  }
}

/** An attempt at work, of a unit that shows another one: what a unit says of its own. */
export type Beside = Pick<
  Unit,
  'attempt' | 'node' | 'fence' | 'isAccepted' | 'acceptedMs' | 'late' | 'progress' | 'heardMs'
>

/** An attempt that another one outran, and whose host has not said that it is over. */
export interface Leaving {
  readonly node: string
  readonly id: AttemptId
  readonly fence: Fence
  /** What is set aside for it. */
  readonly resources: Stage['resources']
  /** When it was asked to end; undefined until the ledger has the end of its unit. */
  saidMs: number | undefined
}

export interface Late {
  /** What such work takes there in the middle; and within what 99 of a hundred are done. */
  readonly usualMs: number
  readonly farMs: number
  /** Attempts that speak for it. */
  readonly n: number
}

/** What becomes of a unit when what it does has been stopped. */
export interface Cancelling {
  /** `retry`: as any failure, which may be tried again. */
  readonly to: 'cancelled' | 'failed' | 'retry'
  readonly why: string
  readonly atOnce: boolean
  saidMs: number
}

export interface Items {
  readonly count: number
  /** Computed ones. */
  readonly list: readonly Json[] | undefined
  /** All before this one have begun. */
  next: number
  readonly hasBegun: Uint8Array
  readonly live: Map<number, Unit>
  succeeded: number
  failed: number
  cancelled: number
  readonly outputs: (string | undefined)[]
  /** Which of them succeeded. */
  readonly hasSucceeded: Uint8Array
  /** Of those that began, by value of the label over which they are spread. */
  readonly placed: Map<string, number>
  /** The rest is not to begin. */
  isStopped: boolean
  firstFailure: string | undefined
}
