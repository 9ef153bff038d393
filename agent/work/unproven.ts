/**
 * What somebody says as the leader of a term that the ledger on this host has not heard of yet. The
 * ledger's own word may be a moment behind on another stream, so it is waited for, and nothing is
 * done before: whoever merely claims to lead moves nothing here, not even the term. So it is with work
 * from a leader who has not said yet which emergency stops it knows: its answer is a moment away.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { deskLimits } from './limits.ts'
import type { FromLeader } from './wire.ts'

/** Whether a peer leads in a term, as far as the ledger can tell on this host. */
export type Leading = 'yes' | 'no' | 'unknown'

/** `unheard`: it leads, and what it says has to wait for its word on emergency stops. */
export type Standing = Leading | 'unheard'

interface Claim {
  from: PeerId
  frame: FromLeader
  keptMs: number
  /** Since when nothing but its word on stops is waited for. */
  unheardMs?: number
}

export class Unproven {
  readonly #clock: Clock
  /** Called while there is something: the time has come to look again. */
  readonly #look: () => void
  #claims: Claim[] = []
  #timer: Timer | undefined
  #dropped = 0

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock
    this.#look = look
  }

  /** Frames that were never proven, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  get isFull(): boolean {
    return this.#claims.length >= deskLimits.unprovenMax
  }

  get size(): number {
    return this.#claims.length
  }

  holds(from: PeerId): boolean {
    return this.#claims.some((claim) => claim.from === from)
  }

  keep(from: PeerId, frame: FromLeader): void {
    this.#claims.push({ from, frame, keptMs: this.#clock.now() })
    if (this.#claims.length > deskLimits.unprovenMax) {
      this.#claims.shift()
      this.#dropped++
    }
    this.#lookAgain()
  }

  /** Hands over, in the order in which each has said it, what is proven by now; what never was is dropped. */
  review(
    standing: (from: PeerId, frame: FromLeader) => Standing,
    hear: (from: PeerId, frame: FromLeader) => void,
  ): void {
    const nowMs = this.#clock.now()
    const waiting = new Set<PeerId>()
    for (const claim of this.#claims.splice(0)) {
      const { from, frame } = claim
      const now = standing(from, frame)
      const isBehind = waiting.has(from) && now !== 'no'
      if (isBehind || this.#isPatient(claim, now, nowMs)) {
        waiting.add(from)
        this.#claims.push(claim)
        // One that leads is heard in the end: whoever decides about its work says why it cannot be.
      } else if (now === 'yes' || now === 'unheard') hear(from, frame)
      else this.#dropped++
    }
    if (this.#claims.length === 0) this.stop()
    else this.#lookAgain()
  }

  #isPatient(claim: Claim, standing: Standing, nowMs: number): boolean {
    if (standing === 'unknown') return nowMs < claim.keptMs + deskLimits.unprovenMs
    if (standing !== 'unheard') return false
    claim.unheardMs ??= nowMs
    return nowMs < claim.unheardMs + deskLimits.unheardMs
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #lookAgain(): void {
    this.#timer ??= this.#clock.after(deskLimits.unprovenLookMs, () => {
      this.#timer = undefined
      this.#look()
    })
  }
}
