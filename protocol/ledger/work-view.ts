/**
 * Runs, workflows and signals as they are read: names in place of numbers, and all that belongs to
 * a unit in one place. What the rows behind look like is nobody's business out here.
 */
import type { Fence } from '../work/fence.ts'
import type { RunState, StopMode, UnitState, WaitReason } from '../work/states.ts'
import type { ErrorClass } from '../workflow/model.ts'
import type { ArtifactsEntry, RunSpec, SignalRow, Vote } from './commands/work-rows.ts'

export type {
  ArtifactsEntry,
  RunGroup,
  RunParent,
  RunRetry,
  RunSpec,
  Vote,
} from './commands/work-rows.ts'

/** What changes of a run. */
export interface RunHead {
  run: string
  state: RunState
  /** What has been asked of it. */
  stop: StopMode
  /** The entry that changed this last; that of a unit has its own. */
  revision: number
  /** Of the workflow. */
  name: string
  by: string
  startedMs: number
  endedMs?: number
  stopBy?: string
  /** Why it is being stopped, or how it ended. */
  reason?: string
  /** The run that has started this one. */
  parent?: string
  /** The entry that made it. */
  index: number
}

/** As a list of runs shows it. */
export type RunItem = RunHead & Pick<RunSpec, 'workflow' | 'labels'>

/** A run with its units, or with the first of them: see `next`. */
export interface RunView {
  run: string
  head: RunHead
  spec: RunSpec
  /** Of the whole run, as JSON; when it has ended with any. */
  outputs?: string
  /** By stage, and within it by item. A unit that is not here is pending. */
  units: UnitView[]
  /** There are more units: ask for the run again, with `after` this. */
  next?: string
}

/** A stage, or one item of it. */
export interface UnitView {
  stage: string
  /** Of a stage with `forEach`: the place in the list, from 0. Absent: the stage itself. */
  item?: number
  state: UnitState
  /** The entry that changed it last. */
  revision: number
  /** The latest attempt; of two at work the earlier one, and in the end the one that counts. */
  attempt: number
  /** The number of the attempt that was to outrun another, if there ever was one. */
  raced?: number
  /** That attempt, as long as both are at work. */
  rival?: { node: string; fence: Fence; assignedMs: number }
  /** When it could have begun first. */
  readyMs: number
  changedMs: number
  /** While it is assigned. */
  fence?: Fence
  /** Where it runs, or ran last. */
  node?: string
  /** How often it has failed, by class of error; a class without failures is absent. */
  failures: Partial<Record<ErrorClass, number>>
  /** Of one that waits. */
  waitsFor?: WaitReason
  dueMs?: number
  /** The run that it has started, or the event that it waits for; and the event's key. */
  detail?: string
  key?: string
  /** Of an open stage: how many items it has, and as JSON which, where they had to be computed. */
  items?: number
  list?: string
  /** Of the last end, or of the last try. */
  errorClass?: string
  why?: string
  exitCode?: number
  /** The end that it was given in a run before this one. */
  adopted?: boolean
  /** As JSON. */
  outputs?: string
  /** Files that it hands on. More than one list: those of its items, in a run before this one. */
  artifacts?: ArtifactsEntry[]
  approval?: ApprovalView
  /** Those that ended, in order. Where they were asked for; otherwise absent. */
  attempts?: AttemptView[]
}

export interface ApprovalView {
  /** How many must approve. One who denies is enough. */
  count: number
  votes: Vote[]
  message?: string
  /** Enough have approved and nobody has denied; somebody has denied. */
  approved: boolean
  denied: boolean
}

/** One try, from its end on. */
export interface AttemptView {
  /** Counts from 1. */
  attempt: number
  node: string
  fence: Fence
  assignedMs: number
  endedMs: number
  /** `Finished` of protocol/work, encoded, without outputs. Absent: it was lost, or outrun. */
  record?: Uint8Array
  /** Another attempt ended the unit before it. */
  outrun?: boolean
}

export interface WorkflowItem {
  hash: string
  name: string
  putMs: number
  /** Runs, and names, that hold it. */
  references: number
  /** Canonical JSON. Absent while pieces of it are missing. */
  text?: string
}

/** Which workflow a name means now. */
export interface WorkflowNameItem {
  name: string
  hash: string
  revision: number
}

export type SignalItem = SignalRow & {
  /** The entry that it came with; and which one of those it was, from 0. */
  index: number
  number: number
}
