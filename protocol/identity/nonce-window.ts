/**
 * Which commands were done already. A command is remembered until it would be refused as expired
 * anyway, so nothing is ever done twice; when there is no room to remember one more, it is refused
 * and not done, because forgetting an older one would open the door for it again.
 *
 * Whoever owns the window keeps it on disk (`entries`, and `restored` at the next start) and syncs
 * before the act: a window that a restart empties is none.
 */
import type { Command } from './envelope.ts'
import type { PeerId } from './peer-id.ts'

export type Admission = 'fresh' | 'replayed' | 'full'

export interface NonceEntry {
  key: string
  expiresMs: number
}

export class NonceWindow {
  readonly #capacity: number
  readonly #seen = new Map<string, number>()
  /** What expired by then may be forgotten, and is refused, also by a clock that went back. */
  #floorMs: number

  constructor(capacity: number, restored: Iterable<NonceEntry> = [], floorMs = 0) {
    this.#capacity = capacity
    this.#floorMs = floorMs
    for (const { key, expiresMs } of restored) this.#seen.set(key, expiresMs)
  }

  /** Remembers the command when it is `fresh`. */
  admit(by: PeerId, { nonce, expiresMs }: Command, nowMs: number): Admission {
    const key = nonceKey(by, nonce)
    if (expiresMs <= this.#floorMs || this.#seen.has(key)) return 'replayed'
    if (this.#seen.size >= this.#capacity) this.forgetExpired(nowMs)
    if (this.#seen.size >= this.#capacity) return 'full'
    this.#seen.set(key, expiresMs)
    return 'fresh'
  }

  /** Of a command that was admitted and not done. */
  release(key: string): void {
    this.#seen.delete(key)
  }

  get size(): number {
    return this.#seen.size
  }

  get floorMs(): number {
    return this.#floorMs
  }

  *entries(): Generator<NonceEntry> {
    for (const [key, expiresMs] of this.#seen) yield { key, expiresMs }
  }

  /** Returns those that are forgotten: so many at most. */
  forgetExpired(nowMs: number, countMax = Number.POSITIVE_INFINITY): NonceEntry[] {
    const gone: NonceEntry[] = []
    for (const [key, expiresMs] of this.#seen) {
      if (gone.length >= countMax) break
      if (nowMs < expiresMs) continue
      this.#seen.delete(key)
      gone.push({ key, expiresMs })
      this.#floorMs = Math.max(this.#floorMs, expiresMs)
    }
    return gone
  }
}

export function nonceKey(by: PeerId, nonce: Uint8Array): string {
  return `${by}/${Buffer.from(nonce).toString('base64url')}`
}
