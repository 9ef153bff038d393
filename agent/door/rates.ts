/** How much each person may ask. Whoever asks more is told to come back, and nobody else notices. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { doorLimits } from './limits.ts'

type RateLimits = { readonly [K in keyof typeof doorLimits]: number }

interface Allowance {
  requests: TokenBucket
  commands: TokenBucket
  bytes: TokenBucket
}

export class Rates {
  readonly #limits: RateLimits
  readonly #people = new Map<PeerId, Allowance>()

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  /** False when it is too much. */
  takes(who: PeerId, { acts, bytes }: { acts: boolean; bytes: number }, nowMs: number): boolean {
    const allowance = this.#of(who, nowMs)
    if (!allowance.requests.take(1, nowMs)) return false
    if (acts && !allowance.commands.take(1, nowMs)) return false
    return bytes === 0 || allowance.bytes.take(bytes, nowMs)
  }

  #of(who: PeerId, nowMs: number): Allowance {
    const known = this.#people.get(who)
    if (known !== undefined) return known
    const { requestsPerSecond, requestsBurst, commandsPerSecond, commandsBurst } = this.#limits
    const { bytesPerSecond, bytesBurst, peopleMax } = this.#limits
    const fresh = {
      requests: new TokenBucket(requestsPerSecond, requestsBurst, nowMs),
      commands: new TokenBucket(commandsPerSecond, commandsBurst, nowMs),
      bytes: new TokenBucket(bytesPerSecond, bytesBurst, nowMs),
    }
    if (this.#people.size >= peopleMax) {
      for (const first of this.#people.keys()) {
        this.#people.delete(first)
        break
      }
    }
    this.#people.set(who, fresh)
    return fresh
  }
}
