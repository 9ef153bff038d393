/**
 * Meets those who claim something that only counts once they have shown who they are: few at once,
 * and each but seldom, as whoever lies may claim it under any number of names.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { trustLimits } from './limits.ts'

export class Greeting {
  readonly #clock: Clock
  readonly #meet: (peer: PeerId) => Promise<void>
  readonly #triedAtMs = new Map<PeerId, number>()
  #underWay = 0

  /** `meet` resolves when that peer has shown who it is, and rejects when it has not. */
  constructor(clock: Clock, meet: (peer: PeerId) => Promise<void>) {
    this.#clock = clock
    this.#meet = meet
  }

  wish(peer: PeerId): void {
    const { greetingsMax, greetAgainMs, greetedMax } = trustLimits
    const nowMs = this.#clock.now()
    const triedMs = this.#triedAtMs.get(peer)
    if (triedMs !== undefined && nowMs - triedMs < greetAgainMs) return
    if (this.#underWay >= greetingsMax) return
    this.#triedAtMs.delete(peer)
    this.#triedAtMs.set(peer, nowMs)
    if (this.#triedAtMs.size > greetedMax) {
      this.#triedAtMs.delete(this.#triedAtMs.keys().next().value as PeerId)
    }
    this.#underWay++
    const over = () => {
      this.#underWay--
    }
    this.#meet(peer).then(over, over)
  }
}
