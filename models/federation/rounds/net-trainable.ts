/** The network of `models/nets`, as federation trains it. */
import { assert } from '../../../protocol/assert.ts'
import { below, type Entropy, shuffle } from '../../../protocol/ports/entropy.ts'
import type { Net } from '../../nets/net.ts'
import type { Examples, Trainable, Training } from './trainable.ts'

export class NetTrainable implements Trainable {
  readonly length: number
  readonly #net: Net

  constructor(net: Net) {
    this.#net = net
    this.length = net.layout.length
  }

  async train(from: Float32Array, examples: Examples, how: Training): Promise<Float32Array> {
    const chosen = drawn(examples, how.steps * how.batch, this.#net.shape.features, how.chance)
    const trained = await this.#net.train(from, chosen.features, chosen.targets, {
      epochs: 1,
      batch: how.batch,
      rate: how.rate,
      entropy: how.chance,
      ...(how.hold > 0 ? { held: { strength: how.hold, to: from } } : {}),
    })
    return trained.parameters
  }

  async predict(parameters: Float32Array, { features }: Examples): Promise<Float32Array> {
    return await this.#net.predict(parameters, features)
  }
}

/** So many examples by lot: each once before any is there twice. */
function drawn(
  { features, targets }: Examples,
  count: number,
  width: number,
  chance: Entropy,
): Examples {
  assert(targets.length > 0, 'who trains must have examples')
  const order = Array.from({ length: targets.length }, (_, row) => row)
  if (count < targets.length) {
    for (let i = 0; i < count; i++) {
      const other = i + below(chance, targets.length - i)
      const held = order[i] as number
      order[i] = order[other] as number
      order[other] = held
    }
  } else shuffle(chance, order)
  const chosen = { features: new Float32Array(count * width), targets: new Float32Array(count) }
  for (let i = 0; i < count; i++) {
    const row = order[i % order.length] as number
    chosen.features.set(features.subarray(row * width, (row + 1) * width), i * width)
    chosen.targets[i] = targets[row] as number
  }
  return chosen
}
