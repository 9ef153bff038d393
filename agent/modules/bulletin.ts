/** Compares what people were last told of each part with what is true now, and tells the difference. */
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { ModuleEvent } from './module.ts'
import { type Part, shownState } from './part.ts'

export class Bulletin {
  private readonly clock: Clock
  private readonly log: Log
  private readonly onChange: (event: ModuleEvent) => void

  constructor(ports: { clock: Clock; log: Log }, onChange: (event: ModuleEvent) => void) {
    this.clock = ports.clock
    this.log = ports.log
    this.onChange = onChange
  }

  /** Parts come in start order, so causes are told before their consequences. */
  publish(parts: Iterable<Part>): void {
    for (const part of parts) {
      const { state: was, why: whyBefore } = part.shown
      const { state, why } = shownState(part)
      part.shown = { state, why }
      // A part that is well or at rest has nothing new to say when only the reason changes.
      const reasonMatters = state === 'degraded' || state === 'failed'
      if (state === was && !(reasonMatters && why !== whyBefore)) continue
      if (state !== was) part.shownSinceMs = this.clock.now()
      const troubled = state === 'degraded' && part.wish === 'run'
      const level = state === 'failed' ? 'error' : troubled ? 'warn' : 'info'
      this.log[level](`module ${state}`, { module: part.spec.name, why })
      const cause = state === 'failed' ? part.failure?.cause : undefined
      this.onChange({
        name: part.spec.name,
        was,
        state,
        ...(why === undefined ? {} : { why }),
        ...(cause === undefined ? {} : { cause }),
      })
    }
  }
}
