/**
 * How much is looked at of what a peer says of stops, when it has said what nobody honest says or
 * passes on: each such word may cost eight checks of signatures. It is not banned: as soon as it has
 * waited, it is heard again.
 *
 * Invariant: nobody is charged for what another made them pass on. Honest peers pass on words that
 * they have believed themselves, with the hands that count and no others; what they may differ in
 * from this host is the calendar, what was taken back, and what a newer version knows.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { Rates } from '../rates.ts'
import type { TokenBucket } from '../token-bucket.ts'
import { estopDriverLimits as limits } from './limits.ts'

const forged: ReadonlySet<string> = new Set([
  'unsigned',
  'badSignature',
  'unknownIssuer',
  'foreignMesh',
])

export class Forgeries {
  readonly #clock: Clock
  readonly #bySayer = new Rates<PeerId>(limits.forgersMax)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `from` has proven who it is, and is who says it: on streams and in gossip alike. */
  refused(from: PeerId | undefined, why: string): void {
    if (from !== undefined && forged.has(why)) this.#of(from).charge(1, this.#clock.now())
  }

  isToWait(from: PeerId): boolean {
    return this.#of(from).waitMs(this.#clock.now()) > 0
  }

  #of(from: PeerId): TokenBucket {
    return this.#bySayer.of(from, limits.forgeries, this.#clock.now())
  }
}
