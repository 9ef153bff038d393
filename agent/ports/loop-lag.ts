/**
 * How late the event loop runs. One native timer measures it, so that an idle agent pays no
 * JavaScript for it; a block shorter than the resolution may fall between two ticks unseen.
 *
 * What is told errs on the high side: the 99th percentile of the window is the worst of its
 * slices'. Any number of readers see the same figures.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../../protocol/ports/clock.ts'
import { loopLagLimits } from './limits.ts'

/** Over the last `loopLagLimits.windowMs`. */
export interface LagReading {
  p99Ms: number
  maxMs: number
}

export interface LoopLag {
  read(): LagReading
}

interface Slice extends LagReading {
  endedMs: number
}

export class LoopLagMonitor implements LoopLag {
  readonly #clock: Clock
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>
  #slices: Slice[] = []
  #sliceStartedMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#histogram = monitorEventLoopDelay({ resolution: loopLagLimits.resolutionMs })
    this.#histogram.enable()
    this.#sliceStartedMs = clock.now()
  }

  read(): LagReading {
    const nowMs = this.#clock.now()
    if (nowMs - this.#sliceStartedMs >= loopLagLimits.sliceMs) this.#endSlice(nowMs)
    const reading = { p99Ms: 0, maxMs: 0 }
    for (const slice of this.#slices) {
      reading.p99Ms = Math.max(reading.p99Ms, slice.p99Ms)
      reading.maxMs = Math.max(reading.maxMs, slice.maxMs)
    }
    return reading
  }

  close(): void {
    this.#histogram.disable()
  }

  #endSlice(nowMs: number): void {
    const measured = this.#histogram.count > 0
    this.#slices = this.#slices.filter((s) => nowMs - s.endedMs < loopLagLimits.windowMs)
    this.#slices.push({
      endedMs: nowMs,
      p99Ms: measured ? lagMs(this.#histogram.percentile(99)) : 0,
      maxMs: measured ? lagMs(this.#histogram.max) : 0,
    })
    this.#histogram.reset()
    this.#sliceStartedMs = nowMs
  }
}

/** The histogram holds the time from tick to tick; what exceeds the resolution is lag. */
function lagMs(tickNs: number): number {
  return Math.max(0, tickNs / 1e6 - loopLagLimits.resolutionMs)
}
