/**
 * Chance that can be played again: a small fast generator (sfc32) seeded from a text, with streams
 * that depend on the seed and their name alone.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'

export class SeededEntropy implements Entropy {
  private readonly seed: string
  // Kept as signed 32-bit numbers, which the engine holds without allocating.
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: string | number) {
    this.seed = String(seed)
    this.a = hash32(`a${this.seed}`)
    this.b = hash32(`b${this.seed}`)
    this.c = hash32(`c${this.seed}`)
    for (let i = 0; i < 12; i++) this.uint32()
  }

  stream(name: string): SeededEntropy {
    return new SeededEntropy(`${this.seed}/${name.length}:${name}`)
  }

  uint32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (this.c << 21) | (this.c >>> 11)
    this.c = (this.c + sum) | 0
    return sum >>> 0
  }

  unit(): number {
    // 53 bits, so that no two neighbours of a large range are confused.
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() & 0xff
    return bytes
  }
}

/** FNV-1a, finished with a mixer, so that seeds that differ by one share nothing. */
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

/** A share drawn with one number instead of two: enough where 32 bits are. */
export function quickUnit(entropy: Entropy): number {
  return entropy.uint32() * 2 ** -32
}
