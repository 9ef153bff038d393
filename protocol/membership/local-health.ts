/**
 * Lifeguard's local health: how much this node should doubt itself before it accuses another.
 * Missed answers, accusations against us and late wake-ups raise it; answered probes lower it.
 */
import { limits } from './limits.ts'

export class LocalHealth {
  score = 0
  private readonly enabled: boolean

  constructor(enabled: boolean) {
    this.enabled = enabled
  }

  worsen(by: number): void {
    if (this.enabled) this.score = Math.min(limits.localHealthMax, this.score + by)
  }

  improve(): void {
    if (this.score > 0) this.score--
  }

  /** Stretches a wait by the doubt. */
  stretch(ms: number): number {
    return ms * (1 + this.score)
  }
}
