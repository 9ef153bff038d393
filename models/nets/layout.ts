/**
 * Where each number of a network stands in the one row of numbers that is all it has learned. Such a
 * row is what is averaged, clipped, masked, sent and kept; its layout follows from the shape alone.
 */
import { assert } from '../../protocol/assert.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { levels } from '../rows.ts'
import { netLimits } from './limits.ts'

export interface NetShape {
  readonly features: number
  /** Widths of the layers between, for example [64, 64]. */
  readonly hidden: readonly number[]
}

export interface Block {
  readonly name: string
  readonly dims: readonly number[]
  readonly from: number
  readonly length: number
}

export interface Layout {
  readonly blocks: readonly Block[]
  readonly length: number
}

/** Of each layer, the weights and then the bias: `weights-0`, `bias-0`, `weights-1` and so on. */
export function layoutOf(shape: NetShape): Layout {
  assertShape(shape)
  const widths = widthsOf(shape)
  const blocks: Block[] = []
  let from = 0
  const add = (name: string, dims: readonly number[]) => {
    const length = dims.reduce((product, dim) => product * dim, 1)
    blocks.push({ name, dims, from, length })
    from += length
  }
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    const [input, output] = [widths[layer] as number, widths[layer + 1] as number]
    add(`weights-${layer}`, [input, output])
    add(`bias-${layer}`, [output])
  }
  return { blocks, length: from }
}

function widthsOf({ features, hidden }: NetShape): number[] {
  return [features, ...hidden, levels.length]
}

function assertShape({ features, hidden }: NetShape): void {
  const { featuresMax, hiddenMax, widthMax } = netLimits
  const isWithin = (value: number, max: number) =>
    Number.isInteger(value) && value >= 1 && value <= max
  assert(isWithin(features, featuresMax), 'a network must have features', { features })
  assert(isWithin(hidden.length, hiddenMax), 'a network must have a few layers', { hidden })
  assert(
    hidden.every((width) => isWithin(width, widthMax)),
    'a layer must have a width',
    { hidden },
  )
}

/** What a network says of everything before it has learned: half of all lies below `centre`. */
export interface Start {
  readonly centre: number
  /** From the half to the tenth, and to the nine tenths. */
  readonly spread: number
}

/** Where learning begins. The same draws give the same numbers. */
export function firstParameters(shape: NetShape, entropy: Entropy, start: Start): Float32Array {
  assert(start.spread > 0, 'quantiles must lie apart', { ...start })
  const { blocks, length } = layoutOf(shape)
  const parameters = new Float32Array(length)
  for (const { dims, from, length } of blocks) {
    const [input, output] = dims
    // A bias begins at zero.
    if (input === undefined || output === undefined) continue
    const bound = Math.sqrt(6 / (input + output))
    for (let i = 0; i < length; i++) parameters[from + i] = (entropy.unit() * 2 - 1) * bound
  }
  const gap = inverseSoftplus(start.spread)
  parameters.set([start.centre, gap, gap], length - levels.length)
  return parameters
}

/** A gap is the softplus of what the last layer gives, so that it is never below zero. */
function inverseSoftplus(value: number): number {
  return value > 20 ? value : Math.log(Math.expm1(value))
}
