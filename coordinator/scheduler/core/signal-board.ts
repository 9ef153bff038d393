/**
 * Events that stages wait for, and who waits. The latest of each event and key is kept, so that a
 * stage that begins to wait a moment late still hears of it, if it came since its run began.
 */
import { schedulerLimits } from './limits.ts'
import type { Unit } from './run.ts'

export interface Signal {
  readonly event: string
  readonly key?: string
  /** JSON. */
  readonly data?: string
  readonly by: string
  readonly timeMs: number
}

export class SignalBoard {
  private readonly latest = new Map<string, Signal>()
  private readonly waiting = new Map<string, Set<Unit>>()

  /** Who has waited for it. */
  post(signal: Signal): readonly Unit[] {
    const name = nameOf(signal.event, signal.key)
    // At the end of the map is what came last.
    this.latest.delete(name)
    this.latest.set(name, signal)
    if (this.latest.size > schedulerLimits.signalsMax) {
      for (const [oldest] of this.latest) {
        this.latest.delete(oldest)
        break
      }
    }
    const units = this.waiting.get(name)
    this.waiting.delete(name)
    return units === undefined ? [] : [...units]
  }

  since(event: string, key: string | undefined, fromMs: number): Signal | undefined {
    const signal = this.latest.get(nameOf(event, key))
    return signal !== undefined && signal.timeMs >= fromMs ? signal : undefined
  }

  wait(unit: Unit): void {
    const name = nameOf(unit.detail!, unit.key)
    const units = this.waiting.get(name)
    if (units === undefined) this.waiting.set(name, new Set([unit]))
    else units.add(unit)
  }

  leave(unit: Unit): void {
    const name = nameOf(unit.detail!, unit.key)
    const units = this.waiting.get(name)
    if (units?.delete(unit) && units.size === 0) this.waiting.delete(name)
  }
}

function nameOf(event: string, key: string | undefined): string {
  return key === undefined ? event : `${event}\n${key}`
}
