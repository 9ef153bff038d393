/**
 * What each hour was like on this host, by how much work ran: two weeks of them, in memory and, once
 * an hour, on disk. Of each, the highest of its means of ten minutes: what comes and goes at the same
 * hour each day is usual, however short it is.
 */
import { seasonLimits } from '../../models/watching/limits.ts'
import { type SeasonHour, workClassOf } from '../../models/watching/season.ts'
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Sample } from '../../protocol/ports/telemetry.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  float,
  message,
  nested,
  optional,
  repeated,
  uint,
} from '../../protocol/wire/schema.ts'

const PREFIX = 'telemetry/season/'
const HOUR_MS = 3_600_000
/** A time of which less was seen says nothing of it. */
const SEEN_MIN = 0.5
/** Of an attempt, in the mean: less is work that was hardly there. */
const NEARLY_NONE = 0.02

/** Field numbers are for ever. */
const OneClass = message('SeasonClass', {
  work: field(1, uint()),
  cpu: optional(2, float()),
  memory: field(3, float()),
})
const OneHour = message('SeasonHour', {
  classes: repeated(1, nested(OneClass), seasonLimits.classesMax),
})

/** The newest time that is judged, as one. */
export interface Block {
  readonly hour: number
  readonly work: number
  readonly cpu?: number
  readonly memory: number
}

interface Sums {
  readonly block: number
  weightMs: number
  cpu: number
  cpuWeightMs: number
  memory: number
  attempts: number
}

export class SeasonStore {
  readonly #disk: Disk
  readonly #log: Log
  /** By hour, and by how much work there was. */
  readonly #hours = new Map<number, Map<number, SeasonHour>>()
  #sums: Sums | undefined
  #writing: Promise<void> = Promise.resolve()
  #isFailing = false

  constructor(disk: Disk, log: Log) {
    this.#disk = disk
    this.#log = log
  }

  async load(): Promise<void> {
    for await (const [key, value] of this.#disk.scan(within(PREFIX))) {
      const hour = Number(key.slice(PREFIX.length))
      const read = decode(OneHour, value)
      if (!read.ok || !Number.isInteger(hour)) continue
      this.#hours.set(
        hour,
        new Map(read.value.classes.map((each) => [each.work, { hour, ...each }])),
      )
    }
  }

  /** Gives back the ten minutes that it ends, where enough of them was seen. */
  add(sample: Sample, weightMs: number, attempts: number): Block | undefined {
    const block = Math.floor(sample.takenAtMs / seasonLimits.judgedMs)
    const before = this.#sums
    const isNext = before === undefined || before.block !== block
    const sums = isNext
      ? { block, weightMs: 0, cpu: 0, cpuWeightMs: 0, memory: 0, attempts: 0 }
      : before
    this.#sums = sums
    sums.weightMs += weightMs
    sums.attempts += attempts * weightMs
    const taken = sample.memoryTotalBytes - sample.memoryAvailableBytes
    sums.memory += (taken / Math.max(1, sample.memoryTotalBytes)) * weightMs
    if (sample.cpu !== undefined) {
      sums.cpu += sample.cpu * weightMs
      sums.cpuWeightMs += weightMs
    }
    return isNext && before !== undefined ? this.#ended(before, hourOf(block)) : undefined
  }

  past(): SeasonHour[] {
    return [...this.#hours.values()].flatMap((classes) => [...classes.values()])
  }

  async flush(): Promise<void> {
    if (this.#sums !== undefined) this.#keep(hourOf(this.#sums.block))
    await this.#writing
  }

  #ended(sums: Sums, hourNow: number): Block | undefined {
    const hour = hourOf(sums.block)
    const block = sums.weightMs < SEEN_MIN * seasonLimits.judgedMs ? undefined : blockOf(sums, hour)
    if (block !== undefined) this.#takeIn(block)
    if (hour !== hourNow) this.#keep(hour)
    return block
  }

  #takeIn(block: Block): void {
    const classes = this.#hours.get(block.hour) ?? new Map<number, SeasonHour>()
    this.#hours.set(block.hour, classes)
    const { cpu = block.cpu, memory = 0 } = classes.get(block.work) ?? {}
    classes.set(block.work, {
      hour: block.hour,
      work: block.work,
      memory: Math.max(memory, block.memory),
      ...(cpu === undefined ? {} : { cpu: Math.max(cpu, block.cpu ?? 0) }),
    })
  }

  #keep(hour: number): void {
    const batch: DiskOp[] = []
    const classes = [...(this.#hours.get(hour)?.values() ?? [])].map(({ hour: _, ...each }) => each)
    if (classes.length > 0) batch.push({ put: keyOf(hour), value: encode(OneHour, { classes }) })
    for (const old of this.#hours.keys()) {
      if (Math.abs(hour - old) <= seasonLimits.hoursMax) continue
      // Also those of a future that a calendar has come back from.
      this.#hours.delete(old)
      batch.push({ del: keyOf(old) })
    }
    if (batch.length > 0) this.#writing = this.#writing.then(() => this.#write(batch))
  }

  async #write(batch: readonly DiskOp[]): Promise<void> {
    try {
      await this.#disk.write(batch, { durable: false })
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#log.warn('hours are not stored', { why: messageOf(error) })
      this.#isFailing = true
    }
  }
}

function blockOf({ weightMs, cpu, cpuWeightMs, memory, attempts }: Sums, hour: number): Block {
  const mean = attempts / weightMs
  return {
    hour,
    work: workClassOf(mean < NEARLY_NONE ? 0 : Math.ceil(mean)),
    memory: memory / weightMs,
    ...(cpuWeightMs === 0 ? {} : { cpu: cpu / cpuWeightMs }),
  }
}

function hourOf(block: number): number {
  return Math.floor((block * seasonLimits.judgedMs) / HOUR_MS)
}

/** In the order of time. */
function keyOf(hour: number): string {
  return PREFIX + String(hour).padStart(8, '0')
}
