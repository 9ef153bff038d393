/** What a plan says. Plain data, as it goes to whoever asked. */

import type { Role, Section, StepKind } from '../../protocol/workflow/model.ts'
import type { MissingDemand } from '../placement/demands.ts'
import type { HostFacts } from '../placement/host-view.ts'
import type { Reason, Refusal } from '../placement/policy.ts'
import type { StageExpected, WholeExpected } from './expecting.ts'

export interface Plan {
  /** See `hash.ts`: what must be the same for a run to be the one that was planned. */
  readonly hash: string
  readonly workflow: { readonly name: string; readonly hash: string; readonly stages: number }
  readonly policy: string
  /** In the order in which they may run; then what is called, then `onFailure`, then `finally`. */
  readonly stages: readonly PlannedStage[]
  /** Stages of each level of the main graph, first to last. */
  readonly widths: readonly number[]
  /** Chains without branches. */
  readonly tracks: readonly (readonly string[])[]
  readonly criticalPath: CriticalPath
  readonly expected: PlanExpected
  readonly kinds: readonly PlaceKind[]
  /** Kinds whose verdicts are left out (`planLimits.verdictsMax`). */
  readonly kindsUntold: number
  readonly hosts: readonly PlannedHost[]
  /** Names of those that it needs. */
  readonly secrets: readonly string[]
  readonly hints: readonly Hint[]
  readonly hintsUntold: number
}

export interface PlanExpected extends Omit<WholeExpected, 'untimed'> {
  /** Stages of which no time is known, by name; of the rest, how many (`planLimits.unknownTold`). */
  readonly untimed: readonly string[]
  readonly untimedUntold: number
}

export interface PlannedStage {
  readonly name: string
  readonly section: Section
  readonly role: Role
  readonly step: StepKind
  readonly needs: readonly string[]
  /** From 0; absent for stages that are called. */
  readonly level?: number
  readonly isCritical: boolean
  /** Of one attempt, in the middle: what places and paths are made of. */
  readonly expectedMs?: number
  /** What it says of its memory. */
  readonly asksMemoryBytes?: number
  /** What is known of it beforehand, each with its source. */
  readonly expected: StageExpected
  /** How much later it may end without the whole ending later, where times are known. */
  readonly slackMs?: number
  readonly forEach?: PlannedItems
  /** When it is late, a second attempt may begin beside the first. */
  readonly race?: true
  readonly place: Place
  /** Index in `kinds`; absent for what no host does. */
  readonly kind?: number
  /** What only the run will know. */
  readonly unknown: readonly MissingDemand[]
}

export interface PlannedItems {
  /** Absent: only the run will know. */
  readonly items?: number
  readonly limit?: number
}

export type Place =
  | {
      readonly by: 'host'
      readonly hosts: readonly {
        readonly node: string
        readonly name: string
        readonly units: number
      }[]
      /** What spoke for the first of them. */
      readonly why: readonly Reason[]
      /** It finds room only when others of this plan are done. */
      readonly waits: boolean
    }
  /** The leader does it itself. */
  | { readonly by: 'leader' }
  /** Its condition is false with these inputs, or all that it needs are skipped. */
  | { readonly by: 'skipped' }
  /** Only if something calls for it. */
  | { readonly by: 'call' }
  /** Room is taken by work that is not of this plan; it waits for that. */
  | { readonly by: 'later' }
  /** No host could, whatever ends. */
  | { readonly by: 'nobody' }
  /** Beyond `planLimits.unitsPlacedMax`. */
  | { readonly by: 'untold' }

export interface CriticalPath {
  readonly stages: readonly string[]
  /** `time`: of all stages. `partly`: the others count as nothing. `length`: of none, stages are counted. */
  readonly basis: 'time' | 'partly' | 'length'
  readonly lengthMs?: number
}

/** Stages that ask the same of a host, and what each host says to that as it is now. */
export interface PlaceKind {
  readonly stages: readonly string[]
  /** Ids of hosts that could take them, now or when there is room. Part of the plan's hash. */
  readonly eligible: readonly string[]
  readonly verdicts?: readonly {
    readonly node: string
    readonly name: string
    readonly refusals: readonly Refusal[]
  }[]
}

export interface PlannedHost
  extends Pick<HostFacts, 'id' | 'name' | 'state' | 'cores' | 'memoryBytes'> {
  readonly drained: boolean
  readonly attempts: number
}

export const hintCodes = [
  'impossible',
  'needlessNeed',
  'bottleneck',
  'singleHost',
  'unreadArtifacts',
  'shortTimeout',
  'littleMemory',
  'longTimeout',
  'noTimeout',
] as const
export type HintCode = (typeof hintCodes)[number]

export interface Hint {
  readonly code: HintCode
  readonly stage: string
  readonly message: string
}
