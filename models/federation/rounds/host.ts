/** What a host does for a round: trains on its own rows, clips, adds noise, and says how far models are off. */

import type { Signer } from '../../../protocol/identity/peer-id.ts'
import { Diverged } from '../../nets/net.ts'
import { clipped, difference } from '../aggregation/vectors.ts'
import { addNoise } from '../privacy.ts'
import { type Examples, meanLoss, type Trainable, type Training } from './trainable.ts'

export interface Asked extends Training {
  /** No update is longer. */
  readonly clip: number
  /** Standard deviation of what is added to each number of it. */
  readonly noise: number
}

export interface Host {
  readonly signer: Signer
  /** 0 to 1, in step with how many rows it has, up to enough. */
  readonly weight: number
  /** What training changes; undefined from a host that does not answer. */
  update(common: Float32Array, asked: Asked): Promise<Float32Array | undefined>
  /** On rows that it does not train on. */
  loss(parameters: Float32Array): Promise<number>
}

/** A host with more rows than this counts as one with as many: it is one host, and one voice. */
const rowsOfFullWeight = 2_048

export class TrainingHost implements Host {
  readonly signer: Signer
  readonly weight: number
  readonly #model: Trainable
  readonly #examples: Examples
  readonly #kept: Examples

  constructor(signer: Signer, model: Trainable, examples: Examples, kept: Examples) {
    this.signer = signer
    this.weight = Math.min(1, examples.targets.length / rowsOfFullWeight)
    this.#model = model
    this.#examples = examples
    this.#kept = kept
  }

  /** Where training goes nowhere, a host says nothing: what it would say is no number. */
  async update(common: Float32Array, asked: Asked): Promise<Float32Array | undefined> {
    const trained = await this.#trained(common, asked)
    if (trained === undefined) return undefined
    const update = clipped(difference(trained, common), asked.clip)
    addNoise(update, asked.noise, asked.chance)
    return update
  }

  async #trained(common: Float32Array, asked: Asked): Promise<Float32Array | undefined> {
    try {
      return await this.#model.train(common, this.#examples, asked)
    } catch (error) {
      if (error instanceof Diverged) return undefined
      throw error
    }
  }

  async loss(parameters: Float32Array): Promise<number> {
    return meanLoss(await this.#model.predict(parameters, this.#kept), this.#kept.targets)
  }
}
