/**
 * A plan for a text from anybody: read, bounded, and planned, or every reason why not. Text and
 * plain data in, plain data out, so that it can be asked in a thread of its own.
 */
import { timesByHost } from '../../models/profiles/by-host.ts'
import { type Estimate, estimateOf as estimateOfTask } from '../../models/profiles/pooling.ts'
import type { Told } from '../../models/profiles/profiles.ts'
import { fingerprintOf } from '../../protocol/work/fingerprint.ts'
import { bindInputs, type InputMistake } from '../../protocol/workflow/inputs.ts'
import type { Mistake } from '../../protocol/workflow/mistake.ts'
import type { Stage } from '../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../protocol/workflow/parse.ts'
import { hostsRunning } from '../placement/host-facts.ts'
import type { HostFacts } from '../placement/host-view.ts'
import { balanced } from '../placement/policies.ts'
import { count } from '../placement/words.ts'
import { askedKinds } from './kinds.ts'
import { type Inputs, namesBefore } from './known.ts'
import { planLimits } from './limits.ts'
import type { Plan } from './plan.ts'
import { planOf } from './planning.ts'

export type Answered =
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'tooLarge'; readonly why: string }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[]; readonly more: number }
  | { readonly kind: 'inputs'; readonly mistakes: readonly InputMistake[] }

/** All of it is JSON. */
export interface PlanAsked {
  readonly workflow: string
  readonly inputs: Inputs
  readonly hosts: readonly HostFacts[]
  /** Attempts on each of the hosts. */
  readonly attempts: readonly number[]
  /** The host that leads, where one is known. */
  readonly near?: string
  /** By key (`asking.ts`), what each host says that knows something. */
  readonly told: readonly (readonly [key: string, told: readonly Told[]])[]
}

export function answer({
  workflow: text,
  inputs: given,
  hosts: facts,
  attempts,
  near,
  told,
}: PlanAsked): Answered {
  const { stagesMax, placesMax } = planLimits
  const parsed = parseWorkflow(text)
  if (!parsed.ok) return { kind: 'mistakes', mistakes: parsed.mistakes, more: parsed.more }
  const { workflow } = parsed
  if (workflow.stages.length > stagesMax) {
    const why = `the workflow has ${count(workflow.stages.length, 'stage')}, and up to ${stagesMax} are planned`
    return { kind: 'tooLarge', why }
  }
  const inputs = bindInputs(workflow, given)
  if (!inputs.ok) return { kind: 'inputs', mistakes: inputs.mistakes }
  const kinds = askedKinds(workflow, namesBefore(workflow, inputs.values)).all.length
  if (kinds * facts.length > placesMax) {
    const why = `the workflow asks for ${count(kinds, 'kind')} of places, which is too much for ${count(facts.length, 'host')}`
    return { kind: 'tooLarge', why }
  }
  const hosts = hostsRunning(facts, (_, i) => attempts[i]!)
  const all = new Map(told)
  const estimates = new Map<string, Estimate>()
  const estimateOf = (stage: Stage) => {
    const task = fingerprintOf(stage)
    if (task === undefined) return undefined
    const estimate = estimates.get(task) ?? estimateOfTask(workflow.name, task, all)
    estimates.set(task, estimate)
    return estimate
  }
  const timesOf = (stage: Stage) => {
    const task = fingerprintOf(stage)
    if (task === undefined) return undefined
    return timesByHost(workflow.name, task, all, estimateOf(stage))
  }
  const known = { estimateOf, timesOf, ...(near === undefined ? {} : { near }) }
  const plan = planOf({ workflow, inputs: inputs.values, hosts, policy: balanced, ...known })
  return { kind: 'planned', plan }
}
