/** Hosts that lie, for seeing what a federation bears: in their updates, and in their votes. */
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { clipped, norm } from '../aggregation/vectors.ts'
import type { Asked, Host } from '../rounds/host.ts'
import type { Examples } from '../rounds/trainable.ts'

export const attacks = ['sign-flip', 'scale', 'random', 'label-shift'] as const
export type Attack = (typeof attacks)[number]

/** What a liar trains on, in an attack on what is learned from. */
export function poisoned(examples: Examples, attack: Attack): Examples {
  if (attack !== 'label-shift') return examples
  // As if everything took ten times as long.
  return { ...examples, targets: examples.targets.map((target) => target + Math.log(10)) }
}

/** Times what is honest. */
export const scaledBy = 20

export class LyingHost implements Host {
  readonly signer: Host['signer']
  readonly weight: number
  readonly #honest: Host
  readonly #attack: Attack
  #lossBefore: number | undefined

  constructor(honest: Host, attack: Attack) {
    this.signer = honest.signer
    this.weight = honest.weight
    this.#honest = honest
    this.#attack = attack
  }

  async update(common: Float32Array, asked: Asked): Promise<Float32Array | undefined> {
    const honest = await this.#honest.update(common, asked)
    return honest && corrupted(honest, this.#attack, asked)
  }

  /** Says the opposite: that it is better off with what is worse. */
  async loss(parameters: Float32Array): Promise<number> {
    const loss = await this.#honest.loss(parameters)
    this.#lossBefore ??= loss
    const before = this.#lossBefore
    return (before * before) / Math.max(loss, Number.MIN_VALUE)
  }
}

function corrupted(update: Float32Array, attack: Attack, asked: Asked): Float32Array {
  switch (attack) {
    case 'sign-flip':
      return update.map((value) => -value)
    case 'scale':
      return update.map((value) => scaledBy * value)
    case 'random':
      // As long as it may be, so that length alone does not give it away.
      return clipped(noiseOf(update, asked.chance), asked.clip)
    case 'label-shift':
      return update
  }
}

function noiseOf(update: Float32Array, chance: Entropy): Float32Array {
  const noise = update.map(() => chance.unit() + chance.unit() + chance.unit() - 1.5)
  const factor = (3 * norm(update)) / norm(noise)
  return noise.map((value) => value * factor)
}
