/**
 * The hash of a plan: what is to be done, with which inputs, and for each stage the hosts that could
 * do it. A run that is started with it is refused when any of these has changed since. Load, what is
 * set aside and suspicions are not in it: they change all the time, and the plan holds all the same.
 */
import { createHash } from 'node:crypto'
import { canonicalJson, planHash as workHash } from '../../protocol/workflow/canonical.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import type { Hosts } from '../placement/hosts.ts'
import { askedKinds, type Kinds, kindsOf } from './kinds.ts'
import { type Inputs, namesBefore } from './known.ts'

/** Without the rest of the plan: for whoever starts a run that was planned. */
export function planHash(workflow: Workflow, inputs: Inputs, hosts: Hosts): string {
  const kinds = kindsOf(askedKinds(workflow, namesBefore(workflow, inputs)), hosts.all())
  return planHashOf(workflow, inputs, kinds)
}

export function planHashOf(workflow: Workflow, inputs: Inputs, kinds: Kinds): string {
  const world = Object.fromEntries(
    kinds.all.flatMap(({ stages, eligible }) => {
      const ids = eligible.map(({ id }) => id).sort()
      return stages.map(({ name }) => [name, ids])
    }),
  )
  const told = `${workHash(workflow, inputs)}\n${canonicalJson(world)}`
  return createHash('sha256').update(`skein placed plan v1\n${told}`).digest('hex')
}
