/**
 * Looks at the host at an adaptive pace, keeps the newest sample with its age, and feeds the
 * history. It runs in the simulator as it does on a host.
 */
import type { Series } from '../../models/watching/trend.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Sample, Telemetry } from '../../protocol/ports/telemetry.ts'
import { History } from './history.ts'
import type { Figure, HistoryPoint } from './history-point.ts'
import { historyLimits, type SamplingSettings, samplingDefaults } from './limits.ts'
import { nextInterval } from './pacing.ts'

export interface SamplerPorts {
  clock: Clock
  telemetry: Telemetry
  disk: Disk
  log: Log
}

/** A sample, and how far to trust it. */
export interface Reading {
  sample: Sample
  /** Counted by the clock that never jumps. */
  ageMs: number
  /** When the next sample is due, counted from this one. */
  intervalMs: number
}

export class Sampler {
  readonly #ports: SamplerPorts
  readonly #history: History
  #newest: { sample: Sample; takenMs: number } | undefined
  #intervalMs: number
  #settings: SamplingSettings
  #timer: Timer | undefined
  /** Called with each new sample. Set by whoever reports it. */
  onSample: (reading: Reading) => void = () => {}

  constructor(ports: SamplerPorts, settings: SamplingSettings = samplingDefaults) {
    this.#ports = ports
    this.#settings = settings
    this.#intervalMs = settings.intervalMsMin
    this.#history = new History(ports.disk, ports.log, settings.retentionMs)
  }

  /** Rejects with `DiskError` when the history cannot be read. */
  async start(): Promise<void> {
    await this.#history.load()
    this.#look()
  }

  /** Undefined before `start`. */
  newest(): Reading | undefined {
    if (!this.#newest) return undefined
    const { sample, takenMs } = this.#newest
    return { sample, ageMs: this.#ports.clock.now() - takenMs, intervalMs: this.#intervalMs }
  }

  /** Oldest first; no more than a day. */
  lastMinutes(minutes: number): HistoryPoint[] {
    return this.#history.lastMinutes(minutes, this.#ports.clock.wall())
  }

  /** Means of one figure over equal times of the past, oldest first; times without any are left out. */
  means(figure: Figure, overMs: number, buckets: number): Series {
    return this.#history.means(figure, overMs, this.#ports.clock.wall(), buckets)
  }

  /** From now on; the next sample is not waited for any longer than that. */
  retune(settings: SamplingSettings): void {
    const { intervalMsMin, intervalMsMax } = settings
    this.#settings = settings
    this.#history.keepFor(settings.retentionMs)
    this.#intervalMs = Math.min(intervalMsMax, Math.max(intervalMsMin, this.#intervalMs))
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = this.#ports.clock.after(this.#intervalMs, () => this.#look())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#history.flush()
  }

  #look(): void {
    const { clock, telemetry } = this.#ports
    const takenMs = clock.now()
    const sample = telemetry.sample()
    const before = this.#newest
    const sinceMs = before ? takenMs - before.takenMs : this.#intervalMs
    // A host that was paused has not been like this all the time.
    const weightMs = Math.min(Math.max(1, sinceMs), historyLimits.pointIntervalMs)
    this.#history.add(sample, takenMs, weightMs)
    this.#intervalMs = nextInterval(before?.sample, sample, this.#intervalMs, this.#settings)
    this.#newest = { sample, takenMs }
    this.#timer = clock.after(this.#intervalMs, () => this.#look())
    this.onSample({ sample, ageMs: 0, intervalMs: this.#intervalMs })
  }
}
