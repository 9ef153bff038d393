/**
 * The model that all hosts have in common: a small network that says how long attempts take, from
 * what is known of them on any host. Its shape never changes; another shape is another model.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { featureCount } from '../federation/describing.ts'
import { firstParameters, layoutOf, type NetShape } from '../nets/layout.ts'

export const commonShape: NetShape = { features: featureCount, hidden: [48] }

/** Numbers that it has learned. */
export const commonLength = layoutOf(commonShape).length

/** Logarithms of milliseconds: about three seconds, and from a half to twice that. */
const beginning = { centre: 8, spread: 0.7 } as const

/** Before anything is learned. */
export function firstCommon(chance: Entropy): Float32Array {
  return firstParameters(commonShape, chance, beginning)
}
