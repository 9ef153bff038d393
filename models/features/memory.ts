/**
 * What is kept in mind of attempts of one kind: the latest, each with its time, the size of its
 * inputs, and where it was. Times and sizes are natural logarithms.
 */
import { SortedWindow } from '../baselines/sorted-window.ts'
import { quantile } from '../measures/quantiles.ts'
import { featureLimits as limits } from './limits.ts'

export interface Seen {
  readonly time: number
  /** Of the bytes, and the number, of inputs. What is not known is 0. */
  readonly bytes: number
  readonly files: number
}

/** Time = mean + slope × (bytes − meanBytes). */
export interface LogLine {
  readonly slope: number
  readonly meanBytes: number
  readonly mean: number
}

/** As if so much of the spread of sizes had been seen without any effect on time. */
const SLOPE_DOUBT = 0.5
const NEAREST = 7
const RECENT = 9
/** A line is not believed further out than this, in natural logarithms, from what was seen. */
const BEYOND = 1

export class Memory {
  readonly #seen: Seen[] = []
  readonly #times = new SortedWindow(limits.attemptsKept)
  #next = 0
  #line: LogLine | undefined
  #recent: number | undefined
  /** All that there ever were. */
  count = 0

  add(seen: Seen): void {
    this.#seen[this.#next] = seen
    this.#next = (this.#next + 1) % limits.attemptsKept
    this.#times.add(seen.time)
    this.#line = undefined
    this.#recent = undefined
    this.count++
  }

  at(level: number): number {
    return quantile(this.#times.sorted, level)
  }

  /** `back` of 1 is the latest. */
  #ago(back: number): Seen {
    const { length } = this.#seen
    return this.#seen[(this.#next - back + 2 * length) % length] as Seen
  }

  get last(): number {
    return this.#ago(1).time
  }

  get recent(): number {
    if (this.#recent === undefined) {
      const times = new Float64Array(Math.min(RECENT, this.#seen.length))
      for (let i = 0; i < times.length; i++) times[i] = this.#ago(i + 1).time
      this.#recent = quantile(times.sort(), 0.5)
    }
    return this.#recent
  }

  get line(): LogLine {
    this.#line ??= lineThrough(this.#seen)
    return this.#line
  }

  /** Where the line goes, no further than what was seen lets it be believed. */
  alongLine(bytes: number): number {
    const { mean, slope, meanBytes } = this.line
    const said = mean + slope * (bytes - meanBytes)
    return Math.min(this.at(1) + BEYOND, Math.max(this.at(0) - BEYOND, said))
  }

  /** The middle of those that are most like it in size; of those alike, the latest. */
  near(bytes: number, files: number): number {
    const size = Math.min(NEAREST, this.#seen.length)
    const far = new Float64Array(size).fill(Infinity)
    const times = new Float64Array(size)
    for (let back = 1; back <= this.#seen.length; back++) {
      const seen = this.#ago(back)
      const away = Math.abs(seen.bytes - bytes) + Math.abs(seen.files - files)
      if (away >= (far[size - 1] as number)) continue
      let at = size - 1
      for (; at > 0 && (far[at - 1] as number) > away; at--) {
        far[at] = far[at - 1] as number
        times[at] = times[at - 1] as number
      }
      far[at] = away
      times[at] = seen.time
    }
    return quantile(times.sort(), 0.5)
  }
}

function lineThrough(seen: readonly Seen[]): LogLine {
  let [meanBytes, mean] = [0, 0]
  for (const { bytes, time } of seen) {
    meanBytes += bytes / seen.length
    mean += time / seen.length
  }
  let [spread, common] = [0, 0]
  for (const { bytes, time } of seen) {
    spread += (bytes - meanBytes) ** 2
    common += (bytes - meanBytes) * (time - mean)
  }
  return { slope: common / (spread + SLOPE_DOUBT), meanBytes, mean }
}
