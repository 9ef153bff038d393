/**
 * Watches over its own host: warns when the disk or the memory will be full if things go on as they
 * do, when the agent itself grows, and when the host is busier than it ever is at this hour with as
 * much work. Once a minute, of what telemetry has kept anyhow; a warning comes when three looks in a
 * row say so, and goes when five do not. What is busier than usual is judged by ten minutes at once:
 * its warning comes with the first that are, and goes with the first that are not.
 */
import { fillingOf, growthOf } from '../../models/watching/filling.ts'
import { fillingLimits, growthLimits, trendLimits } from '../../models/watching/limits.ts'
import { judged, seasonFigures } from '../../models/watching/season.ts'
import type { Series } from '../../models/watching/trend.ts'
import type { WarningKind } from '../../protocol/membership/warnings.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Figure } from './history-point.ts'
import type { Reading } from './sampler.ts'
import { type Block, SeasonStore } from './season-store.ts'
import { fillingText, growthText, unknownText, unusualText } from './warning-text.ts'

const watchLimits = {
  lookMs: 60_000,
  /** Looks in a row that must say so, and must not any more. */
  looksToRaise: 3,
  looksToClear: 5,
  /** A sample stands for so long at most: a host that slept was not like that. */
  weightMsMax: 10_000,
} as const

export interface HostWarning {
  readonly kind: WarningKind
  /** By the calendar. */
  readonly sinceMs: number
  readonly text: string
}

export interface HostWatchParts {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly means: (figure: Figure, overMs: number, buckets: number) => Series
  readonly newest: () => Reading | undefined
  /** Attempts that run. */
  readonly attempts: () => number
  readonly onWarning: (warning: HostWarning) => void
  readonly onOver: (warning: HostWarning) => void
}

/** A warning that is thought of: how many looks in a row say so, or say the opposite. */
interface Thought {
  text: string
  looks: number
  quietLooks: number
  raised?: HostWarning
}

export class HostWatch {
  readonly #parts: HostWatchParts
  readonly #season: SeasonStore
  readonly #thoughts = new Map<WarningKind, Thought>()
  #timer: Timer | undefined
  #sampledMs: number | undefined
  /** Why nothing is said yet of what is usual; undefined where something is, or nobody has looked. */
  #unknown: string | undefined = unknownText(undefined)

  constructor(parts: HostWatchParts) {
    this.#parts = parts
    this.#season = new SeasonStore(parts.disk, parts.log)
  }

  async start(): Promise<void> {
    await this.#season.load()
    this.#again()
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#season.flush()
  }

  /** What is warned of now, those that were first before the others. */
  warnings(): HostWarning[] {
    const raised = [...this.#thoughts.values()].flatMap((thought) => thought.raised ?? [])
    return raised.sort((a, b) => a.sinceMs - b.sinceMs)
  }

  kinds(): WarningKind[] {
    return this.warnings().map(({ kind }) => kind)
  }

  /** What cannot be judged yet, and why. */
  unknown(): string | undefined {
    return this.#unknown
  }

  /** Each new sample. */
  sampled({ sample }: Reading): void {
    const now = this.#parts.clock.now()
    const sinceMs = now - (this.#sampledMs ?? now)
    this.#sampledMs = now
    const weightMs = Math.min(Math.max(1, sinceMs), watchLimits.weightMsMax)
    const block = this.#season.add(sample, weightMs, this.#parts.attempts())
    if (block !== undefined) this.#judge(block)
  }

  #again(): void {
    this.#timer = this.#parts.clock.after(watchLimits.lookMs, () => {
      this.#look()
      this.#again()
    })
  }

  #look(): void {
    const { sample } = this.#parts.newest() ?? {}
    if (sample === undefined) return
    const [disk] = sample.disks
    if (disk !== undefined) {
      this.#lookAtFilling('diskFull', 'diskAvailableBytes', disk.totalBytes, (available) => ({
        ...available,
        values: available.values.map((bytes) => disk.totalBytes - bytes),
      }))
    }
    this.#lookAtFilling('memoryFull', 'memoryUsedBytes', sample.memoryTotalBytes, (used) => used)
    const growth = firstOf(growthLimits.windowsMs, (overMs) => {
      const resident = this.#series('agentResidentBytes', overMs)
      return resident && growthOf(resident, overMs)
    })
    this.#think('agentGrows', growth && growthText(growth))
  }

  #lookAtFilling(
    kind: 'diskFull' | 'memoryFull',
    figure: Figure,
    totalBytes: number,
    usedOf: (series: Series) => Series,
  ): void {
    const windows =
      kind === 'diskFull' ? fillingLimits.diskWindowsMs : fillingLimits.memoryWindowsMs
    const filling = firstOf(windows, (overMs) => {
      const series = this.#series(figure, overMs)
      return series && fillingOf(usedOf(series), totalBytes, overMs)
    })
    this.#think(kind, filling && fillingText(kind, filling))
  }

  /** Undefined where too little of that past is known. */
  #series(figure: Figure, overMs: number): Series | undefined {
    const { bucketsMax, filledMin } = trendLimits
    const series = this.#parts.means(figure, overMs, bucketsMax)
    return series.values.length < filledMin * bucketsMax ? undefined : series
  }

  #think(kind: WarningKind, text: string | undefined): void {
    const thought = this.#thoughts.get(kind)
    if (text === undefined) {
      if (thought === undefined) return
      thought.looks = 0
      thought.quietLooks++
      const isOver = thought.raised === undefined || thought.quietLooks >= watchLimits.looksToClear
      if (isOver) this.#over(kind)
      return
    }
    const next = thought ?? { text, looks: 0, quietLooks: 0 }
    this.#thoughts.set(kind, next)
    next.quietLooks = 0
    next.looks++
    next.text = text
    if (next.raised !== undefined) next.raised = { ...next.raised, text }
    else if (next.looks >= watchLimits.looksToRaise) this.#raise(kind, next)
  }

  /** Ten minutes against the same hours of other days. */
  #judge(block: Block): void {
    const past = this.#season.past()
    for (const figure of seasonFigures) {
      const value = block[figure]
      if (value === undefined) continue
      const kind = figure === 'cpu' ? 'unusualCpu' : 'unusualMemory'
      const verdict = judged(past, block, figure, value)
      if (figure === 'memory') {
        this.#unknown = verdict.kind === 'unknown' ? unknownText(verdict) : undefined
      }
      if (verdict.kind !== 'unusual') {
        this.#over(kind)
        continue
      }
      const text = unusualText(figure, verdict)
      const thought = this.#thoughts.get(kind) ?? { text, looks: 1, quietLooks: 0 }
      this.#thoughts.set(kind, thought)
      if (thought.raised === undefined) this.#raise(kind, { ...thought, text })
      else thought.raised = { ...thought.raised, text }
    }
  }

  #raise(kind: WarningKind, thought: Thought): void {
    const raised = { kind, sinceMs: this.#parts.clock.wall(), text: thought.text }
    this.#thoughts.set(kind, { ...thought, raised })
    this.#parts.onWarning(raised)
  }

  #over(kind: WarningKind): void {
    const { raised } = this.#thoughts.get(kind) ?? {}
    this.#thoughts.delete(kind)
    if (raised !== undefined) this.#parts.onOver(raised)
  }
}

function firstOf<T>(
  windows: readonly number[],
  of: (overMs: number) => T | undefined,
): T | undefined {
  for (const overMs of windows) {
    const found = of(overMs)
    if (found !== undefined) return found
  }
  return undefined
}
