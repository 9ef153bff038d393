/**
 * Chance, as the core sees it. Streams are named so that one consumer's draws never shift
 * another's: adding a draw to placement must not change who wins an election in an old seed.
 */
export interface Entropy {
  /** An independent source, fixed by this source's seed and the name alone. */
  stream(name: string): Entropy
  /** A whole number, 0 ≤ n < 2^32. */
  uint32(): number
  /** A number, 0 ≤ x < 1. */
  unit(): number
  bytes(length: number): Uint8Array
}

/** A whole number, 0 ≤ n < `bound`. */
export function below(entropy: Entropy, bound: number): number {
  return Math.floor(entropy.unit() * bound)
}

export function pick<T>(entropy: Entropy, items: readonly T[]): T | undefined {
  return items[below(entropy, items.length)]
}

/** Shuffles in place (Fisher–Yates) and returns the same array. */
export function shuffle<T>(entropy: Entropy, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(entropy, i + 1)
    const held = items[i] as T
    items[i] = items[j] as T
    items[j] = held
  }
  return items
}
