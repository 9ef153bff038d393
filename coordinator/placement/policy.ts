/**
 * The interface behind which placement is decided: what a unit of work asks for, which hosts there
 * are, and what comes of it. Policies are pure and quick; words are made only when somebody asks.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Expr } from '../../protocol/workflow/expressions/ast.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import type { Resources } from '../../protocol/workflow/model.ts'
import type { HostView } from './host-view.ts'

/** A rule for one label, with its values in. All that is said of it must hold. */
export interface LabelDemand {
  readonly label: string
  readonly in?: readonly string[]
  readonly notIn?: readonly string[]
  readonly exists?: boolean
}

/** What `where` asks for, with its values in (`demands.ts`). Shared by units that ask for the same. */
export interface Demands {
  readonly labels: readonly LabelDemand[]
  /** One of these, by name or id; empty for any. */
  readonly hosts: readonly string[]
  /** `names` holds all but `node`, which is each host in turn. */
  readonly expression?: { readonly expr: Expr; readonly names: Fields }
  readonly prefer: readonly { readonly label: string; readonly value: string }[]
  /** A label, or `host`. */
  readonly spread?: string
}

/** Hosts on which stages that are named as company have run. None: they have run nowhere. */
export interface Neighbours {
  readonly nodes: readonly string[]
  /** Otherwise it is a wish. */
  readonly required: boolean
}

export interface PlacementRequest {
  readonly demands: Demands
  readonly resources: Resources
  /** What the step needs of the agent: see `features`. */
  readonly features: readonly string[]
  /** On one of these hosts. */
  readonly affinity?: Neighbours
  /** On none of these. */
  readonly antiAffinity?: Neighbours
  /** How many units of the same stage each value of `demands.spread` has: a label's value, or a host's id. */
  readonly placed?: ReadonlyMap<string, number>
  /** By node: how much of what the unit will fetch is there already. */
  readonly artifacts?: ReadonlyMap<string, number>
  /** All that it will fetch. */
  readonly artifactBytes?: number
  readonly expectedMs?: number
  /** By node: how long such work takes there, as far as anybody knows. Elsewhere it is `expectedMs`. */
  readonly expectedOn?: ReadonlyMap<string, ExpectedTime>
  /** Of what takes no time: the host from which and to which nothing has to travel. */
  readonly near?: string
  /** Where the last attempt was lost: not again, where there is another. */
  readonly avoid?: string
  /** Hosts that have just declined the unit: not now. */
  readonly declined?: ReadonlySet<string>
}

export interface ExpectedTime {
  readonly ms: number
  /** Attempts there that speak for it. */
  readonly n: number
}

/** A set of reasons, one bit each (`refusals.ts`). Nothing set: the host may take it. */
export type RefusalBits = number

/** Why a host does not take a unit, for people. */
export interface Refusal {
  readonly code: RefusalCode
  /** In plain words, with figures. */
  readonly message: string
}

/** Their order is that of the bits, and of explanations. */
export const refusalCodes = [
  /** Dead or left. */
  'gone',
  'suspect',
  'drained',
  /** It has not told what it is. */
  'unknown',
  'host',
  'label',
  'expression',
  /** The expression has no value there. */
  'expressionFailed',
  'feature',
  'affinity',
  'antiAffinity',
  /** More than it has, whatever else runs there. */
  'tooFewCores',
  'tooLittleMemory',
  'tooLittleDisk',
  'tooFewCustom',
  /** Set aside for others at the moment. */
  'coresTaken',
  'memoryTaken',
  'diskTaken',
  'customTaken',
  /** It takes no more attempts at once. */
  'full',
  'declined',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

export type Choice =
  | { readonly host: HostView; readonly score: number }
  | {
      readonly host: undefined
      /** What keeps the hosts from it, of all of them together. */
      readonly refusedFor: RefusalBits
      /** Some host is kept from it only by what passes: room that is taken, suspicion. */
      readonly canPass: boolean
    }

/** One thing that spoke for or against a host. */
export interface Reason {
  readonly factor: string
  /** As it counted, weight included. */
  readonly score: number
  readonly message: string
}

export interface Verdict {
  readonly host: HostView
  /** All of them. Empty: the host could take it. */
  readonly refusals: readonly Refusal[]
  /** Sum of the reasons; absent where it is refused. */
  readonly score?: number
  readonly reasons: readonly Reason[]
}

export interface PlacementPolicy {
  readonly name: string
  /** For people. */
  readonly description: string
  choose(
    request: PlacementRequest,
    hosts: readonly HostView[],
    random: Pick<Entropy, 'unit'>,
  ): Choice
  /** The same in words, for every host: those that could take it first, the best of them first. */
  explain(request: PlacementRequest, hosts: readonly HostView[]): Verdict[]
}
