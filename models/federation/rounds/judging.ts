/** Who counts in a masked sum, by sketches of updates that nobody sees. */
import { assert } from '../../../protocol/assert.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { median } from '../../measures/quantiles.ts'
import { selectingRules } from '../aggregation/rules.ts'
import type { LeftOut } from '../aggregation/selecting.ts'
import { type Numbers, norm } from '../aggregation/vectors.ts'
import { pointOf } from '../masking/sketch.ts'
import type { Course } from './course.ts'

export class Judging {
  leftOut: { host: PeerId; why: LeftOut['why'] }[] = []
  usualLength = Number.NaN
  readonly #course: Pick<Course, 'rule' | 'liarsMax' | 'sketch'>
  readonly #bits: number

  constructor(course: Pick<Course, 'rule' | 'liarsMax' | 'sketch'>, bits: number) {
    this.#course = course
    this.#bits = bits
  }

  select(candidates: ReadonlyMap<PeerId, readonly number[]>): readonly PeerId[] {
    const peers = [...candidates.keys()]
    if (this.#course.sketch === 0) return peers
    const points: Numbers[] = [...candidates.values()].map((sketch) => pointOf(sketch, this.#bits))
    const rule = selectingRules[this.#course.rule]
    assert(rule !== undefined, 'a rule under masks must need no more than sketches')
    const { kept, leftOut } = rule(points, this.#course.liarsMax)
    this.leftOut = leftOut.map(({ which, why }) => ({ host: peers[which] as PeerId, why }))
    this.usualLength = median(kept.map((which) => norm(points[which] as Numbers)))
    return kept.map((which) => peers[which] as PeerId)
  }
}
