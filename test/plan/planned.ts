/** What tests of plans share. */
import type { Hosts } from '../../coordinator/placement/hosts.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import type { Plan, PlannedStage } from '../../coordinator/planning/plan.ts'
import { planOf } from '../../coordinator/planning/planning.ts'
import type { Estimate } from '../../models/profiles/pooling.ts'
import { bindInputs } from '../../protocol/workflow/inputs.ts'
import type { Stage } from '../../protocol/workflow/model.ts'
import type { Json } from '../../protocol/workflow/shape/shape.ts'
import { hostsOf } from '../placement/arbitraries.ts'
import { parsed, withStages } from '../workflow/stage.ts'

export { hostsOf, withStages }

export interface Given {
  inputs?: Readonly<Record<string, Json>>
  hosts?: Hosts
  near?: string
  expectedMs?: (stage: Stage) => number | undefined
  estimateOf?: (stage: Stage) => Estimate | undefined
}

export function planned(text: string, given: Given = {}): Plan {
  const workflow = parsed(text)
  const inputs = bindInputs(workflow, given.inputs ?? {})
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.mistakes))
  const { expectedMs } = given
  const estimateOf =
    given.estimateOf ?? (expectedMs && ((stage: Stage) => alwaysTook(expectedMs(stage))))
  return planOf({
    workflow,
    inputs: inputs.values,
    hosts: given.hosts ?? hostsOf({}, {}, {}),
    policy: balanced,
    ...(given.near === undefined ? {} : { near: given.near }),
    ...(estimateOf === undefined ? {} : { estimateOf }),
  })
}

/** As hosts tell of work that took the same each time. */
function alwaysTook(ms: number | undefined): Estimate {
  if (ms === undefined) return {}
  return { tookMs: { p10: ms, p50: ms, p90: ms, n: 30, source: 'history' } }
}

export function stageIn(plan: Plan, name: string): PlannedStage {
  const found = plan.stages.find((stage) => stage.name === name)
  if (found === undefined) throw new Error(`no stage ${name}`)
  return found
}

/** As in `n1 n2*2`. */
export function hostsFor(plan: Plan, name: string): string {
  const { place } = stageIn(plan, name)
  if (place.by !== 'host') return place.by
  const at = place.hosts.map(({ name: host, units }) => (units === 1 ? host : `${host}*${units}`))
  return at.sort().join(' ')
}
