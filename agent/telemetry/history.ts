/**
 * A host's own history: the last day in points of ten seconds, in memory, and on disk once a
 * minute. A host that was down, paused or killed has a gap where it was, of at most a minute more.
 *
 * Times are the host's calendar, which may jump. Forward leaves a gap. Backward is waited out for a
 * while, then the points of what is now the future are forgotten.
 */

import type { Series } from '../../models/watching/trend.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Sample } from '../../protocol/ports/telemetry.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { chunkOf, decodeChunk, encodeChunk, spanOf } from './history-chunk.ts'
import type { Figure, HistoryPoint } from './history-point.ts'
import { HistoryRing } from './history-ring.ts'
import { historyLimits, pointsMax } from './limits.ts'
import { PointMean } from './point-mean.ts'

const prefix = 'telemetry/history/'

export class History {
  readonly #disk: Disk
  #retentionMs: number
  readonly #log: Log
  readonly #ring = new HistoryRing(pointsMax)
  /** Minutes that have a value on disk. */
  readonly #stored = new Set<number>()
  #mean: PointMean | undefined
  #setbackSinceMs: number | undefined
  #writing: Promise<void> = Promise.resolve()
  #failing = false

  constructor(disk: Disk, log: Log, retentionMs: number = historyLimits.retentionMs) {
    this.#disk = disk
    this.#retentionMs = Math.min(retentionMs, historyLimits.retentionMs)
    this.#log = log
  }

  /** Reads what the disk still has. What is in memory already is newer, and stays. */
  async load(): Promise<void> {
    for await (const [key, value] of this.#disk.scan(within(prefix))) {
      const chunk = Number(key.slice(prefix.length))
      if (!Number.isInteger(chunk)) continue
      this.#stored.add(chunk)
      for (const point of decodeChunk(chunk, value) ?? []) {
        if (point.atMs > this.#ring.newestMs) this.#ring.push(point)
      }
    }
    this.#forgetOld()
  }

  /** `nowMs` is the monotonic time of the sample, `weightMs` the time since the sample before. */
  add(sample: Sample, nowMs: number, weightMs: number): void {
    const atMs = endOfPoint(sample.takenAtMs)
    if (this.#isSetback(atMs, nowMs)) return
    if (this.#mean && this.#mean.atMs !== atMs) this.#finishPoint(this.#mean, atMs)
    this.#mean ??= new PointMean(atMs)
    this.#mean.add(sample, weightMs)
  }

  /** The finished points of the last minutes up to a calendar time, oldest first. */
  lastMinutes(minutes: number, wallMs: number): HistoryPoint[] {
    return this.#ring.between(wallMs - minutes * 60_000 + 1, wallMs + 1)
  }

  /** Means of one figure over equal times of the past up to a calendar time, oldest first. */
  means(figure: Figure, overMs: number, wallMs: number, buckets: number): Series {
    return this.#ring.means(figure, wallMs - overMs, wallMs, buckets)
  }

  /** Writes the minute that has begun, for an agent that stops. */
  async flush(): Promise<void> {
    if (this.#ring.size > 0) this.#store(chunkOf(this.#ring.newestMs))
    await this.#writing
  }

  /** True while a calendar that went back is waited for. */
  #isSetback(atMs: number, nowMs: number): boolean {
    const newestMs = Math.max(this.#ring.newestMs, this.#mean?.atMs ?? Number.NEGATIVE_INFINITY)
    const ahead = this.#mean?.atMs === atMs || atMs > newestMs
    if (ahead) {
      this.#setbackSinceMs = undefined
      return false
    }
    this.#setbackSinceMs ??= nowMs
    if (nowMs - this.#setbackSinceMs < historyLimits.setbackMs) return true
    this.#setbackSinceMs = undefined
    this.#log.info('calendar went back, later history forgotten', { atMs, newestMs })
    this.#ring.dropFrom(atMs)
    this.#mean = undefined
    this.#store(chunkOf(atMs))
    return false
  }

  #finishPoint(mean: PointMean, nextMs: number): void {
    this.#ring.push(mean.point())
    this.#mean = undefined
    this.#forgetOld()
    if (chunkOf(mean.atMs) !== chunkOf(nextMs)) this.#store(chunkOf(mean.atMs))
  }

  /** What is older goes with the next point. */
  keepFor(retentionMs: number): void {
    this.#retentionMs = Math.min(retentionMs, historyLimits.retentionMs)
  }

  #forgetOld(): void {
    this.#ring.dropBefore(this.#ring.newestMs - this.#retentionMs)
  }

  /** Not durable: a crash of the host costs a gap, and an idle disk is worth more than that. */
  #store(chunk: number): void {
    const { fromMs, toMs } = spanOf(chunk)
    const value = encodeChunk(chunk, this.#ring.between(fromMs, toMs))
    const batch: DiskOp[] = [{ put: keyOf(chunk), value }]
    const oldest = chunk - Math.ceil(this.#retentionMs / historyLimits.chunkMs)
    for (const stored of this.#stored) {
      if (stored >= oldest && stored <= chunk) continue
      batch.push({ del: keyOf(stored) })
      this.#stored.delete(stored)
    }
    this.#stored.add(chunk)
    this.#writing = this.#writing.then(() => this.#write(batch))
  }

  async #write(batch: readonly DiskOp[]): Promise<void> {
    try {
      await this.#disk.write(batch, { durable: false })
      if (this.#failing) this.#log.info('history is stored again')
      this.#failing = false
    } catch (error) {
      // Told once, not every minute: memory has the points, and the next minute tries again.
      if (!this.#failing) {
        const why = messageOf(error)
        this.#log.warn('history is not stored', { why })
      }
      this.#failing = true
    }
  }
}

function endOfPoint(takenAtMs: number): number {
  return (Math.floor(takenAtMs / historyLimits.pointIntervalMs) + 1) * historyLimits.pointIntervalMs
}

/** In the order of time. */
function keyOf(chunk: number): string {
  return prefix + String(chunk).padStart(10, '0')
}
