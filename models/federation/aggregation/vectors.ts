/** What is done with long lists of numbers, in one place so that sums are made alike everywhere. */

export type Numbers = Float32Array | Float64Array

export function norm(vector: Numbers): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
}

export function distance(a: Numbers, b: Numbers): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2
  return Math.sqrt(sum)
}

export function difference(a: Numbers, b: Numbers): Float32Array {
  return Float32Array.from(a, (value, i) => value - (b[i] as number))
}

export function added(a: Numbers, b: Numbers, factor = 1): Float32Array {
  return Float32Array.from(a, (value, i) => value + factor * (b[i] as number))
}

export function scaled(vector: Numbers, factor: number): Float32Array {
  return Float32Array.from(vector, (value) => value * factor)
}

/** The same direction, and no longer than so much. */
export function clipped(vector: Numbers, longest: number): Float32Array {
  const length = norm(vector)
  const factor = length > longest ? longest / length : 1
  return Float32Array.from(vector, (value) => value * factor)
}

export function weightedMean(
  vectors: readonly Numbers[],
  weights: readonly number[],
): Float32Array {
  const [first] = vectors
  const sum = new Float64Array(first?.length ?? 0)
  let whole = 0
  vectors.forEach((vector, v) => {
    const weight = weights[v] as number
    whole += weight
    for (let i = 0; i < sum.length; i++)
      sum[i] = (sum[i] as number) + weight * (vector[i] as number)
  })
  return Float32Array.from(sum, (value) => (whole > 0 ? value / whole : 0))
}

/** One after the other. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
