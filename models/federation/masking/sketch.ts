/**
 * A few sums over a long update, each with signs of its own that come of chance: enough to tell how
 * long an update is and how far from another one (Johnson and Lindenstrauss), and linear, so that
 * the sketches of all that are summed must add up to the sketch of the sum, to the last bit. The
 * signs are fixed by what everybody has sent already: nobody can know them before.
 */

import type { Roll } from './messages.ts'
import { digested } from './messages.ts'
import { streamBytes } from './streams.ts'

/** Signs of one round, told by the masked updates of all. */
export function challengeOf(terms: Uint8Array, roll: Roll): Uint8Array {
  const parts = roll.entries.flatMap(({ peer, digest }) => [Buffer.from(`${peer}\n`), digest])
  return digested('challenge', terms, ...parts)
}

/** Of an update whose last number is its weight, which comes last here too and as it is. */
export function sketchOf(update: Int32Array, count: number, challenge: Uint8Array): number[] {
  const length = update.length - 1
  const rowBytes = Math.ceil(length / 8)
  const signs = streamBytes(challenge, rowBytes * count)
  const sums: number[] = []
  for (let row = 0; row < count; row++) sums.push(signedSum(update, length, signs, row * rowBytes))
  return [...sums, update[length] as number]
}

function signedSum(update: Int32Array, length: number, signs: Uint8Array, from: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) {
    // 0 or -1. Without a branch: which way it goes is chance, and to guess wrong costs more than to add.
    const sign = -(((signs[from + (i >> 3)] as number) >> (i & 7)) & 1)
    sum += ((update[i] as number) ^ sign) - sign
  }
  return sum
}

/** Whether what clients said of their updates is true of the sum of them. */
export function addsUp(
  sketches: readonly (readonly number[])[],
  sum: Int32Array,
  challenge: Uint8Array,
): boolean {
  const [first] = sketches
  if (first === undefined) return false
  const whole = sketchOf(sum, first.length - 1, challenge)
  return whole.every(
    (value, i) => sketches.reduce((all, one) => all + (one[i] as number), 0) === value,
  )
}

/** As an update would be that is seen: its place among others, each of its own weight. */
export function pointOf(sketch: readonly number[], bits: number): Float64Array {
  const count = sketch.length - 1
  const weight = sketch[count] as number
  // A row's square is as large as the update's, whatever the signs; and a weight of 0 says nothing.
  const scale = weight > 0 ? 1 / (weight * Math.sqrt(count)) : 2 ** -bits
  return Float64Array.from({ length: count }, (_, i) => (sketch[i] as number) * scale)
}
