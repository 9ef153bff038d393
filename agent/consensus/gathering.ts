/**
 * Committed entries on a host where nobody waits for them. What it costs to begin with an entry is
 * more than the entry itself, so on a host that only follows they are applied some at a time: once
 * enough of them have gathered, or the first has waited for long enough. Their order never changes.
 */
import type { Entry } from '../../protocol/consensus/messages.ts'
import type { Apply } from '../../protocol/consensus/ready.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { gatheringLimits } from './limits.ts'

export class Gathering {
  private readonly clock: Pick<Clock, 'after'>
  private readonly apply: (apply: readonly Apply[]) => void
  private held: Apply[] = []
  private entries = 0
  private timer: Timer | undefined

  constructor(clock: Pick<Clock, 'after'>, apply: (apply: readonly Apply[]) => void) {
    this.clock = clock
    this.apply = apply
  }

  /**
   * What is committed, in order; `isHurried`: somebody waits for it, or for what has gathered. A state
   * that takes the place of another waits for nothing.
   */
  take(apply: readonly Apply[], isHurried: boolean): void {
    if (isHurried && this.held.length === 0) {
      if (apply.length > 0) this.apply(apply)
      return
    }
    let isSnapshot = false
    for (const step of apply) {
      this.held.push(step)
      if (step.kind === 'entries') this.entries += step.entries.length
      else isSnapshot = true
    }
    if (isHurried || isSnapshot || this.entries >= gatheringLimits.entriesMax) this.flush()
    else if (this.held.length > 0) {
      this.timer ??= this.clock.after(gatheringLimits.waitMsMax, () => this.flush())
    }
  }

  /** Somebody waits for it. */
  flush(): void {
    if (this.held.length === 0) return
    const { held } = this
    this.forget()
    this.apply(joined(held))
  }

  /** Nothing more is applied: what is committed stays in the log. */
  end(): void {
    this.forget()
  }

  private forget(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.held = []
    this.entries = 0
  }
}

/** Entries that follow each other as one step. */
function joined(steps: readonly Apply[]): readonly Apply[] {
  if (steps.length === 1) return steps
  const all: Apply[] = []
  let run: Entry[] | undefined
  for (const step of steps) {
    if (step.kind === 'snapshot') {
      run = undefined
      all.push(step)
    } else if (run === undefined) {
      run = [...step.entries]
      all.push({ kind: 'entries', firstIndex: step.firstIndex, entries: run })
    } else run.push(...step.entries)
  }
  return all
}
