/** What was refused for want of trust: counted always, told of once per peer and minute. */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { Tally } from '../tally.ts'
import type { TrustFault } from './acquaintances.ts'
import { trustLimits } from './limits.ts'

export interface TrustRefusal {
  peer: PeerId
  why: TrustFault
  /** What it wanted: `/skein/work/1`, or to be here at all. */
  what: string
}

export class Refusing {
  readonly #clock: Clock
  readonly #log: Log
  readonly #tell: (refusal: TrustRefusal) => void
  readonly #counts = new Tally<Reason>()
  readonly #toldAtMs = new Map<PeerId, number>()

  constructor(clock: Clock, log: Log, tell: (refusal: TrustRefusal) => void) {
    this.#clock = clock
    this.#log = log.child('trust')
    this.#tell = tell
  }

  refuse(refusal: TrustRefusal): void {
    const { peer, why, what } = refusal
    this.#counts.add(reasonOf(why))
    const nowMs = this.#clock.now()
    const toldMs = this.#toldAtMs.get(peer)
    if (toldMs !== undefined && nowMs - toldMs < trustLimits.tellAgainMs) return
    this.#toldAtMs.delete(peer)
    this.#toldAtMs.set(peer, nowMs)
    if (this.#toldAtMs.size > trustLimits.toldMax) {
      this.#toldAtMs.delete(this.#toldAtMs.keys().next().value as PeerId)
    }
    this.#log.warn('peer refused', { peer, why, what })
    this.#tell(refusal)
  }

  counts(): Readonly<Record<string, number>> {
    return this.#counts.counts()
  }
}

/** `expired` is counted as `trustExpired`, beside what the network itself refuses. */
type Reason = `trust${Capitalize<TrustFault>}`

function reasonOf(why: TrustFault): Reason {
  return `trust${why[0]?.toUpperCase()}${why.slice(1)}` as Reason
}
