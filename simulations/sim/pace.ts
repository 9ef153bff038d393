/**
 * How busy clients are. Near trouble they are at work as ever, so that every fault meets writes and
 * reads under way, and an unsettled mesh is asked; far from any they take their time, for a mesh at
 * peace shows little that it has not shown before. In a rush they hurry, but not while all that lies
 * in wait is an ambush for the next leader, and nobody is about to become one.
 */
import type { Fault } from './fault.ts'
import { clientLimits } from './limits.ts'

/** How long a client thinks, on average; and so soon at the latest it may be another time. */
export interface Pace {
  readonly thinkMs: number
  readonly forMs: number
}

export class Paces {
  /** In their order. */
  private readonly coming: readonly Fault[]
  private next = 0
  private stirredMs = Number.NEGATIVE_INFINITY

  constructor(faults: readonly Fault[]) {
    this.coming = [...faults].sort((a, b) => a.atMs - b.atMs)
  }

  /** A fault, foreseen or not, has begun or ended, or somebody stands or leads. */
  stirred(nowMs: number): void {
    this.stirredMs = nowMs
  }

  /** `active`: what goes on now. */
  at(nowMs: number, active: ReadonlySet<Fault>): Pace {
    const { thinkMs, hurryMs, calmMs, lookUpMs, aheadMs, afterMs } = clientLimits
    const isStirred = nowMs < this.stirredMs + afterMs
    if (isRush(active) && (isStirred || !isWait(active)))
      return { thinkMs: hurryMs, forMs: lookUpMs }
    const calmForMs = this.dueMs(nowMs) - aheadMs - nowMs
    const isNear = isStirred || active.size > 0 || calmForMs <= 0
    return isNear ? { thinkMs, forMs: lookUpMs } : { thinkMs: calmMs, forMs: calmForMs }
  }

  /** When the next foreseen fault begins. */
  private dueMs(nowMs: number): number {
    while ((this.coming[this.next]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.next++
    return this.coming[this.next]?.atMs ?? Number.POSITIVE_INFINITY
  }
}

function isRush(active: ReadonlySet<Fault>): boolean {
  for (const { kind } of active) if (kind === 'rush') return true
  return false
}

/** Nothing goes on until somebody leads. */
function isWait(active: ReadonlySet<Fault>): boolean {
  for (const fault of active)
    if (fault.kind !== 'rush' && !(fault.kind === 'ambush' && fault.on === 'leads')) return false
  return true
}
