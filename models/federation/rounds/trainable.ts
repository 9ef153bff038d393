/** What hosts train together, as federation sees it: a model that is one row of numbers. */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { pinball } from '../../measures/duration.ts'
import { levels } from '../../rows.ts'
import { joined } from '../aggregation/vectors.ts'

export interface Examples {
  /** Row by row. */
  readonly features: Float32Array
  /** Logarithms of milliseconds, or of whatever is told. */
  readonly targets: Float32Array
}

/** All of them, one after the other. */
export function together(all: readonly Examples[]): Examples {
  return {
    features: joined(all.map(({ features }) => features)),
    targets: joined(all.map(({ targets }) => targets)),
  }
}

export interface Training {
  readonly steps: number
  readonly batch: number
  readonly rate: number
  /** How strongly it is held to where it began: FedProx's µ, and 0 for FedAvg. */
  readonly hold: number
  readonly chance: Entropy
}

export interface Trainable {
  readonly length: number
  train(from: Float32Array, examples: Examples, how: Training): Promise<Float32Array>
  /** The tenth, the half and the nine tenths of each example, one after the other. */
  predict(parameters: Float32Array, examples: Examples): Promise<Float32Array>
}

/** How far three quantiles are off, in the mean over all: what training makes small. */
export function meanLoss(told: Float32Array, targets: Float32Array): number {
  let sum = 0
  for (let i = 0; i < told.length; i++) {
    const target = targets[Math.floor(i / 3)] as number
    sum += pinball(levels[i % 3] as number, told[i] as number, target)
  }
  return told.length === 0 ? Number.NaN : sum / told.length
}
