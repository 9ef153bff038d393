/**
 * A small network in plain TypeScript, for tests of federation that must not depend on how networks
 * are run: two layers, three quantiles, the pinball loss, Adam.
 */
import type { Examples, Trainable, Training } from '../../models/federation/rounds/trainable.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const quantiles = [0.1, 0.5, 0.9]

export class SmallNet implements Trainable {
  readonly length: number
  readonly #features: number
  readonly #width: number

  constructor(features: number, width: number) {
    this.#features = features
    this.#width = width
    this.length = features * width + width + width * 3 + 3
  }

  first(seed: string, centre: number): Float32Array {
    const chance = new SeededEntropy(seed)
    const weights = Float32Array.from({ length: this.length }, (_, i) => {
      const inputs = i < this.#features * this.#width ? this.#features : this.#width
      return ((chance.unit() * 2 - 1) * Math.sqrt(3)) / Math.sqrt(inputs)
    })
    weights.fill(0, this.#features * this.#width, this.#features * this.#width + this.#width)
    weights.set([centre, 0.5, 0.5], this.length - 3)
    return weights
  }

  async train(from: Float32Array, examples: Examples, how: Training): Promise<Float32Array> {
    const weights = from.slice()
    const first = new Float64Array(this.length)
    const second = new Float64Array(this.length)
    const gradient = new Float64Array(this.length)
    const count = examples.targets.length
    for (let step = 1; step <= how.steps; step++) {
      gradient.fill(0)
      for (let i = 0; i < how.batch; i++) {
        this.#learn(weights, examples, Math.floor(how.chance.unit() * count), gradient)
      }
      for (let k = 0; k < this.length; k++) {
        const held = how.hold * ((weights[k] as number) - (from[k] as number))
        const slope = (gradient[k] as number) / how.batch + held
        const mean = 0.9 * (first[k] as number) + 0.1 * slope
        const square = 0.999 * (second[k] as number) + 0.001 * slope * slope
        first[k] = mean
        second[k] = square
        const size = Math.sqrt(square / (1 - 0.999 ** step)) + 1e-8
        weights[k] = (weights[k] as number) - (how.rate * (mean / (1 - 0.9 ** step))) / size
      }
    }
    return weights
  }

  async predict(weights: Float32Array, examples: Examples): Promise<Float32Array> {
    const told = new Float32Array(3 * examples.targets.length)
    for (let row = 0; row < examples.targets.length; row++) {
      told.set(this.#forward(weights, examples, row).told, 3 * row)
    }
    return told
  }

  #forward(weights: Float32Array, { features }: Examples, row: number) {
    const [inputs, width] = [this.#features, this.#width]
    const sums = new Float64Array(width)
    for (let j = 0; j < width; j++) sums[j] = weights[inputs * width + j] as number
    for (let i = 0; i < inputs; i++) {
      const value = features[row * inputs + i] as number
      if (value === 0) continue
      for (let j = 0; j < width; j++)
        sums[j] = (sums[j] as number) + value * (weights[i * width + j] as number)
    }
    const hidden = sums.map((sum) => sum / (1 + Math.exp(-sum)))
    const raw = [0, 1, 2].map((output) => {
      let sum = weights[this.length - 3 + output] as number
      for (let j = 0; j < width; j++) {
        sum += (hidden[j] as number) * (weights[inputs * width + width + j * 3 + output] as number)
      }
      return sum
    }) as [number, number, number]
    const [half, below, above] = raw
    const told = [half - softplus(below), half, half + softplus(above)]
    return { sums, hidden, raw, told }
  }

  #learn(weights: Float32Array, examples: Examples, row: number, gradient: Float64Array): void {
    const [inputs, width] = [this.#features, this.#width]
    const { sums, hidden, raw, told } = this.#forward(weights, examples, row)
    const target = examples.targets[row] as number
    const [a, b, c] = told.map(
      (value, i) => ((target < value ? 1 : 0) - (quantiles[i] as number)) / 3,
    ) as [number, number, number]
    const slopes = [a + b + c, -a * sigmoid(raw[1]), c * sigmoid(raw[2])]
    const last = inputs * width + width
    slopes.forEach((slope, output) => {
      const at = this.length - 3 + output
      gradient[at] = (gradient[at] as number) + slope
    })
    const before = new Float64Array(width)
    for (let j = 0; j < width; j++) {
      let back = 0
      for (let output = 0; output < 3; output++) {
        const at = last + j * 3 + output
        const slope = slopes[output] as number
        gradient[at] = (gradient[at] as number) + slope * (hidden[j] as number)
        back += slope * (weights[at] as number)
      }
      const s = sigmoid(sums[j] as number)
      before[j] = back * s * (1 + (sums[j] as number) * (1 - s))
      gradient[inputs * width + j] =
        (gradient[inputs * width + j] as number) + (before[j] as number)
    }
    for (let i = 0; i < inputs; i++) {
      const value = examples.features[row * inputs + i] as number
      if (value === 0) continue
      for (let j = 0; j < width; j++) {
        gradient[i * width + j] =
          (gradient[i * width + j] as number) + value * (before[j] as number)
      }
    }
  }
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value))
}

function softplus(value: number): number {
  return value > 20 ? value : Math.log1p(Math.exp(value))
}
