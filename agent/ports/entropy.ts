/**
 * The host's chance. Draws that only need to be fair (jitter, whom to probe) come from a fast
 * generator seeded by the operating system; `bytes` always comes from the operating system, since
 * keys, nonces and ids are made of it, and asking a stream twice by name must never repeat a nonce.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Entropy } from '../../protocol/ports/entropy.ts'

export class SystemEntropy implements Entropy {
  readonly #seed: Uint8Array
  readonly #state: Uint32Array

  constructor(seed: Uint8Array = randomBytes(32)) {
    this.#seed = seed
    const digest = createHash('sha256').update('skein entropy\0').update(seed).digest()
    this.#state = new Uint32Array(4)
    for (let i = 0; i < 4; i++) this.#state[i] = digest.readUInt32LE(i * 4)
    this.#state[3]! |= 1
  }

  stream(name: string): SystemEntropy {
    return new SystemEntropy(createHash('sha256').update(this.#seed).update(name).digest())
  }

  /** xoshiro128** 1.1 (Blackman and Vigna). Its one bad state, all zero, is ruled out above. */
  uint32(): number {
    const s = this.#state
    const s1 = s[1]!
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0
    s[2]! ^= s[0]!
    s[3]! ^= s1
    s[1] = s1 ^ s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= s1 << 9
    s[3] = rotateLeft(s[3]!, 11)
    return result
  }

  unit(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length))
  }
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
