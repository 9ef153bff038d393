/**
 * One member under suspicion. The wait until it is called dead starts long and shrinks with each
 * independent accuser (Lifeguard §IV-B): one voice may be deaf, four agree. Another's verdict
 * shrinks it as far as it goes, and no further: nobody is buried without having been accused here.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Charge } from './charge.ts'
import { limits } from './limits.ts'

export class Suspicion {
  startedMs: number
  /** The latest question known to be unanswered: word from before it acquits nobody. */
  sinceMs: number
  deadlineMs: number
  /** Whether others were asked if they know better. */
  inquired = false
  /** Who has called the member dead already. */
  verdictBy: PeerId | undefined
  private readonly accusers: Set<PeerId>
  private readonly wanted: number
  private readonly minMs: number
  private readonly maxMs: number
  /** Time in which it was we who slept; it does not count against the suspect. */
  private forgivenMs = 0

  /** `wanted` is how many accusers beyond the first bring the wait down to its minimum. */
  constructor(
    charge: Charge,
    startedMs: number,
    wanted: number,
    bounds: { minMs: number; maxMs: number },
  ) {
    this.startedMs = startedMs
    this.sinceMs = charge.sinceMs
    this.accusers = new Set([charge.by])
    this.wanted = wanted
    this.minMs = bounds.minMs
    this.maxMs = bounds.maxMs
    this.deadlineMs = startedMs + this.waitMs()
  }

  /** True when this accuser is new and was still wanted. */
  confirm({ by, sinceMs }: Charge): boolean {
    this.sinceMs = Math.max(this.sinceMs, sinceMs)
    if (this.accusers.size > this.wanted || this.accusers.has(by)) return false
    this.accusers.add(by)
    this.reckon()
    return true
  }

  conclude(by: PeerId): void {
    if (this.verdictBy !== undefined) return
    this.verdictBy = by
    this.reckon()
  }

  /** The accused has spoken since: what was said against it is void, and it is asked anew. */
  retry(nowMs: number): void {
    this.accusers.clear()
    this.verdictBy = undefined
    this.startedMs = nowMs
    this.sinceMs = nowMs
    this.forgivenMs = 0
    this.inquired = false
    this.reckon()
  }

  forgive(ms: number): void {
    this.forgivenMs += ms
    this.inquired = false
    this.reckon()
  }

  /** When there is something to do about it. */
  get dueMs(): number {
    return this.inquired ? this.deadlineMs : this.deadlineMs - limits.inquestMs
  }

  private reckon(): void {
    this.deadlineMs = this.startedMs + this.forgivenMs + this.waitMs()
  }

  private waitMs(): number {
    if (this.wanted < 1 || this.verdictBy !== undefined) return this.minMs
    const confirmed = Math.min(Math.max(0, this.accusers.size - 1), this.wanted)
    const share = Math.log(confirmed + 1) / Math.log(this.wanted + 1)
    return this.maxMs - (this.maxMs - this.minMs) * share
  }
}
