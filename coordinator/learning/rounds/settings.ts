/** How rounds of this mesh are done, as far as people may choose. The rest is as `usualCourse` has it. */
import {
  type RuleName,
  ruleNames,
  selectingRules,
} from '../../../models/federation/aggregation/rules.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { usualCourse } from '../../../models/federation/rounds/course.ts'
import { families } from '../../../models/registry/learned.ts'

/** Of which family rounds are: the network, trees, or one and the other in turn. */
export const roundFamilies = [...families, 'both'] as const
export type RoundFamilies = (typeof roundFamilies)[number]

export interface RoundSettings {
  /** From the beginning of one round to the next; 0: only when somebody asks for one. */
  readonly everyMs: number
  /** Of each host in each round. */
  readonly steps: number
  /** FedProx's µ; 0 for FedAvg. */
  readonly hold: number
  readonly rule: RuleName
  /** So many hosts may lie, and nothing is spoilt. */
  readonly liars: number
  /** In a sum, in multiples of the longest update; 0 for none. */
  readonly noise: number
  /** With fewer hosts no round is done. */
  readonly participantsMin: number
  readonly family: RoundFamilies
}

export const usualSettings: RoundSettings = {
  everyMs: 0,
  steps: usualCourse.steps,
  hold: usualCourse.hold,
  rule: usualCourse.rule as RuleName,
  liars: usualCourse.liarsMax,
  noise: usualCourse.noise,
  participantsMin: federationLimits.clientsMin,
  family: 'net',
}

/** Rules that need to see each update cannot be followed where nobody sees one. */
export const roundRules = ruleNames.filter((name) => selectingRules[name] !== undefined)

/** Of so many hosts, no more can be borne: an honest majority is needed, and a sum is of three. */
export function liarsBorne(wanted: number, hosts: number): number {
  const most = Math.min(Math.floor((hosts - 1) / 2), hosts - federationLimits.clientsMin)
  return Math.max(0, Math.min(wanted, most))
}
