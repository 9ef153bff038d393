/**
 * The kinds of places that a workflow asks for: stages that ask the same of a host are one kind, and
 * hosts are looked at once for each kind, not for each stage.
 */
import { canonicalJson } from '../../protocol/workflow/canonical.ts'
import { printExpression } from '../../protocol/workflow/expressions/printer.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import type { Stage, StepKind, Workflow } from '../../protocol/workflow/model.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { featuresOf, type MissingDemand, renderDemands } from '../placement/demands.ts'
import { expressionValue, lastingRefusals, readsLoad } from '../placement/eligibility.ts'
import type { HostView } from '../placement/host-view.ts'
import type { PlacementRequest } from '../placement/policy.ts'
import { isUnknownStep } from '../placement/unknown-steps.ts'
import { briefly, unknownName } from './known.ts'

export interface AskedKinds {
  readonly all: readonly AskedKind[]
  /** Index in `all`. Stages that no host does have none. */
  readonly of: ReadonlyMap<Stage, number>
  readonly missing: ReadonlyMap<Stage, readonly MissingDemand[]>
}

export interface AskedKind {
  /** Without company, which depends on where others went. */
  readonly request: PlacementRequest
  readonly stages: readonly Stage[]
}

export interface Kinds extends AskedKinds {
  readonly all: readonly Kind[]
}

export interface Kind extends AskedKind {
  /** Hosts that could take it, now or when there is room. */
  readonly eligible: readonly HostView[]
  /** Those of them where the expression holds now, should it speak of load. */
  readonly open: readonly HostView[]
}

const leaderSteps: ReadonlySet<StepKind> = new Set([
  'wait',
  'choose',
  'workflow',
  'approve',
  'await',
  'signal',
])

export function askedKinds(
  workflow: Pick<Workflow, 'stages' | 'secrets'>,
  names: Fields,
): AskedKinds {
  const all: { request: PlacementRequest; stages: Stage[] }[] = []
  const of = new Map<Stage, number>()
  const missing = new Map<Stage, readonly MissingDemand[]>()
  const byKey = new Map<string, number>()
  for (const stage of workflow.stages) {
    // The leader does these itself, or nobody does.
    if (leaderSteps.has(stage.step.kind) || isUnknownStep(stage.step.kind)) continue
    const { request, lacking } = requestBefore(workflow, stage, names)
    missing.set(stage, lacking)
    const key = keyOf(request)
    const kind = byKey.get(key) ?? all.length
    if (kind === all.length) {
      byKey.set(key, kind)
      all.push({ request, stages: [] })
    }
    all[kind]!.stages.push(stage)
    of.set(stage, kind)
  }
  return { all, of, missing }
}

export function kindsOf({ all, ...rest }: AskedKinds, hosts: readonly HostView[]): Kinds {
  return { ...rest, all: all.map((asked) => ({ ...asked, ...hostsFor(asked.request, hosts) })) }
}

function hostsFor(
  request: PlacementRequest,
  hosts: readonly HostView[],
): Pick<Kind, 'eligible' | 'open'> {
  const eligible = hosts.filter((host) => lastingRefusals(request, host) === 0)
  const { expression } = request.demands
  const open =
    expression !== undefined && readsLoad(request)
      ? eligible.filter((host) => expressionValue(expression, host) === true)
      : eligible
  return { eligible, open }
}

/** What is known of it. An expression that reads what only the run knows says nothing of a host yet. */
function requestBefore(
  workflow: Pick<Workflow, 'secrets'>,
  stage: Stage,
  names: Fields,
): { request: PlacementRequest; lacking: readonly MissingDemand[] } {
  const { demands, missing } = renderDemands(stage.where, names, briefly)
  const { expression, ...plain } = demands
  const common = { resources: stage.resources, features: featuresOf(workflow, stage) }
  const unknown = expression && unknownName(expression.expr, names)
  if (unknown === undefined) return { request: { ...common, demands }, lacking: missing }
  const lacking = [...missing, { where: 'where.expression', why: `it reads ${unknown}` }]
  return { request: { ...common, demands: plain }, lacking }
}

function keyOf({ demands, resources, features }: PlacementRequest): string {
  const { expression, ...plain } = demands
  const told = expression === undefined ? null : printExpression(expression.expr)
  return canonicalJson({ ...plain, expression: told, resources, features } as unknown as Json)
}
