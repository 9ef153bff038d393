/** What a unit asks of a host, when it asks for something of its own. */
import { noDemands, renderDemands } from '../../placement/demands.ts'
import type { Neighbours, PlacementRequest } from '../../placement/policy.ts'
import type { Core } from './core.ts'
import { filesAt } from './handed-on.ts'
import { itemOf } from './item-values.ts'
import { namesFor } from './names.ts'
import { placeOf, type RenderedAs, refuse, rendered } from './rendering.ts'
import type { Run, Unit } from './run.ts'

export function requestOf(_core: Core, unit: Unit): RenderedAs<PlacementRequest> {
  const { run, plan, parent, avoid, declined } = unit
  const { stage, affinity, antiAffinity } = plan
  const { where } = stage
  return rendered(() => {
    const near = neighbours(run, affinity, where.affinity?.required)
    const far = neighbours(run, antiAffinity, where.antiAffinity?.required)
    const files = filesAt(run, plan)
    return {
      demands: plan.demands ?? demandsOf(unit),
      resources: stage.resources,
      features: plan.features,
      ...(near === undefined ? {} : { affinity: near }),
      ...(far === undefined ? {} : { antiAffinity: far }),
      ...(where.spread === undefined || parent === undefined
        ? {}
        : { placed: parent.items!.placed }),
      ...(files === undefined ? {} : { artifacts: files.byNode, artifactBytes: files.bytes }),
      ...(avoid === undefined ? {} : { avoid }),
      ...(declined === undefined ? {} : { declined }),
    }
  })
}

function demandsOf({ run, plan, parent, item }: Unit): PlacementRequest['demands'] {
  const { stage } = plan
  if (stage.where === undefined) return noDemands
  const names = namesFor(run, plan, parent === undefined ? undefined : itemOf(parent, item))
  const { demands, missing } = renderDemands(stage.where, names)
  const [first] = missing
  if (first !== undefined) refuse(`${placeOf(stage)}.${first.where}`, first.why)
  return demands
}

function neighbours(
  run: Run,
  stages: readonly number[],
  required: boolean | undefined,
): Neighbours | undefined {
  if (stages.length === 0) return undefined
  const nodes = stages.flatMap((stage) => [...(run.nodesOf.get(stage) ?? [])])
  return { nodes, required: required === true }
}

/**
 * What such work took on each host, where that is known; and of what takes no time, who is near.
 * Units that ask for the same may differ in it.
 */
export function withTimes(
  core: Core,
  { run, plan }: Unit,
  request: PlacementRequest,
): PlacementRequest {
  const { fingerprint, isInstant } = plan
  // Of many at once each host gets its share: one that is done before all others would make a turn of
  // the ledger for each few of its own, and all of them cost more.
  const isAlone = core.assignedTo.size === 0
  if (isInstant && isAlone && core.near !== undefined) return { ...request, near: core.near }
  if (fingerprint === undefined) return request
  const times = core.times.of(run.spec.name, fingerprint)
  if (times === undefined) return request
  return { ...request, expectedMs: times.range.p50, expectedOn: times.byHost }
}
