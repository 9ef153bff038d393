/** How a model is trained by many: what is asked of hosts, and by which rule their updates become one. */
import { assert } from '../../../protocol/assert.ts'
import { type RuleName, selectingRules } from '../aggregation/rules.ts'
import { federationLimits } from '../limits.ts'

export interface Course {
  readonly rounds: number
  /** Of each host in each round. */
  readonly steps: number
  readonly batch: number
  /** Of the first round; it falls to a twentieth along half a wave. */
  readonly rate: number
  /** FedProx's µ; 0 for FedAvg. */
  readonly hold: number
  /** How much of the last round's step is made again with the next. */
  readonly momentum: number
  readonly rule: RuleName
  /** The leader sees sums of updates, and no update. */
  readonly masked: boolean
  /** So many false hosts are to be borne. */
  readonly liarsMax: number
  /** Hosts say of each round whether it has made the model worse, and then it is undone. */
  readonly votes: boolean
  /** Numbers of a sketch, where updates are masked. */
  readonly sketch: number
  /** Of noise in multiples of `clip`; 0 for none. */
  readonly noise: number
  /** The longest update. It follows what is usual, but where there is noise, of which it is the measure. */
  readonly clip: number
}

export const usualCourse: Course = {
  rounds: 120,
  steps: 10,
  batch: 64,
  rate: 0.02,
  hold: 0,
  momentum: 0.5,
  rule: 'norm-bound',
  masked: true,
  liarsMax: 2,
  votes: true,
  sketch: 64,
  noise: 0,
  clip: 8,
}

/** How much of a step is made: less after rounds that were undone, and soon more again. */
export const strides = { afterUndone: 0.5, afterKept: 1.25, min: 1 / 16 } as const

export type CourseFault = 'ruleMustSeeUpdates' | 'tooManyLiars' | 'tooFewHosts'

/** Why a course cannot be taken with so many hosts. */
export function courseFault(course: Course, hosts: number): CourseFault | undefined {
  if (hosts < federationLimits.clientsMin) return 'tooFewHosts'
  if (course.masked && selectingRules[course.rule] === undefined) return 'ruleMustSeeUpdates'
  if (hosts - course.liarsMax < federationLimits.clientsMin) return 'tooManyLiars'
  return undefined
}

export function rateIn(course: Course, round: number): number {
  const past = (round - 1) / Math.max(1, course.rounds)
  assert(past >= 0 && past <= 1, 'a round must be one of the course', { round })
  return course.rate * (0.05 + 0.95 * 0.5 * (1 + Math.cos(Math.PI * past)))
}
