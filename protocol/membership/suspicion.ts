/**
 * One member under suspicion. The wait until it is called dead starts long and shrinks with each
 * independent accuser (Lifeguard §IV-B): one voice may be deaf, four agree.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { limits } from './limits.ts'

export class Suspicion {
  readonly incarnation: number
  readonly startedMs: number
  deadlineMs: number
  /** Whether others were asked if they know better. */
  inquired = false
  private readonly accusers: Set<PeerId>
  private readonly wanted: number
  private readonly minMs: number
  private readonly maxMs: number
  /** Time in which it was we who slept; it does not count against the suspect. */
  private forgivenMs = 0

  /** `wanted` is how many accusers beyond the first bring the wait down to its minimum. */
  constructor(
    incarnation: number,
    first: PeerId,
    nowMs: number,
    wanted: number,
    bounds: { minMs: number; maxMs: number },
  ) {
    this.incarnation = incarnation
    this.startedMs = nowMs
    this.accusers = new Set([first])
    this.wanted = wanted
    this.minMs = bounds.minMs
    this.maxMs = bounds.maxMs
    this.deadlineMs = nowMs + this.waitMs()
  }

  /** True when this accuser is new and was still wanted. */
  confirm(by: PeerId): boolean {
    if (this.accusers.size > this.wanted || this.accusers.has(by)) return false
    this.accusers.add(by)
    this.deadlineMs = this.startedMs + this.forgivenMs + this.waitMs()
    return true
  }

  forgive(ms: number): void {
    this.forgivenMs += ms
    this.inquired = false
    this.deadlineMs += ms
  }

  /** When there is something to do about it. */
  get dueMs(): number {
    return this.inquired ? this.deadlineMs : this.deadlineMs - limits.inquestMs
  }

  private waitMs(): number {
    if (this.wanted < 1) return this.minMs
    const confirmed = Math.min(this.accusers.size - 1, this.wanted)
    const share = Math.log(confirmed + 1) / Math.log(this.wanted + 1)
    return this.maxMs - (this.maxMs - this.minMs) * share
  }
}
