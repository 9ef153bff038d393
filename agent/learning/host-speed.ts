/**
 * How quick this host is: found out once, minutes after the agent has started, when nothing runs; and
 * again when the hardware is another. Kept across lives.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import {
  type HostSpeed,
  type SpeedGauge,
  usualRoundsPerSecond,
} from '../../protocol/ports/speed.ts'
import type { HostFacts } from '../../protocol/ports/telemetry.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import {
  field,
  float,
  type Infer,
  message,
  optional,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { speedTimes } from './limits.ts'

const KEY = 'learning/speed'

/** Field numbers are for ever. */
const SpeedRecord = message('HostSpeed', {
  hardware: field(1, text(512)),
  measuredMs: field(2, uint()),
  cpuRoundsPerSecond: field(3, float()),
  memoryBytesPerSecond: field(4, float()),
  diskBytesPerSecond: optional(5, float()),
  syncMs: optional(6, float()),
})
type SpeedRecord = Infer<typeof SpeedRecord>

export interface KnownSpeed extends HostSpeed {
  /** By the calendar. */
  readonly measuredMs: number
  /** Of one core, as a multiple of what is usual. */
  readonly cpu: number
}

export interface HostSpeedParts {
  readonly clock: Clock
  readonly disk: Disk
  readonly entropy: Entropy
  readonly log: Log
  readonly speed: SpeedGauge
  readonly facts: () => HostFacts | undefined
  /** Attempts run here, or wait; or somebody else keeps the host busy. */
  readonly isBusy: () => boolean
}

export class OwnSpeed {
  readonly #parts: HostSpeedParts
  readonly #log: Log
  readonly #entropy: Entropy
  #record: SpeedRecord | undefined
  #timer: Timer | undefined
  #measuring: Promise<void> | undefined
  #life = new AbortController()

  constructor(parts: HostSpeedParts) {
    this.#parts = parts
    this.#log = parts.log.child('learning')
    this.#entropy = parts.entropy.stream('host speed')
  }

  async start(): Promise<void> {
    const stored = await this.#parts.disk.get(KEY)
    const read = stored && decode(SpeedRecord, stored)
    if (read?.ok) this.#record = read.value
    this.#life = new AbortController()
    const { firstMsMin, firstMsMax } = speedTimes
    // Agents that were started together on one host do not measure together.
    this.#look(firstMsMin + this.#entropy.unit() * (firstMsMax - firstMsMin))
  }

  async stop(): Promise<void> {
    this.#life.abort()
    this.#timer?.cancel()
    await this.#measuring
  }

  /** Undefined before it was found out on this hardware. */
  get known(): KnownSpeed | undefined {
    const record = this.#record
    if (record === undefined || record.hardware !== this.#hardware()) return undefined
    const { hardware: _, ...speed } = record
    return { ...speed, cpu: speed.cpuRoundsPerSecond / usualRoundsPerSecond }
  }

  #hardware(): string | undefined {
    const facts = this.#parts.facts()
    if (facts === undefined) return undefined
    const { cpuModel, coresUsable, memoryUsableBytes, arch } = facts
    return `${cpuModel.slice(0, 256)} ${arch} ${coresUsable} ${memoryUsableBytes}`
  }

  #look(inMs: number): void {
    this.#timer = this.#parts.clock.after(inMs, () => {
      const hardware = this.#hardware()
      if (this.known !== undefined) return
      if (hardware === undefined || this.#parts.isBusy()) return this.#look(speedTimes.againMs)
      this.#measuring = this.#measure(hardware).finally(() => {
        this.#measuring = undefined
      })
    })
  }

  async #measure(hardware: string): Promise<void> {
    try {
      const found = await this.#parts.speed.measure(this.#life.signal)
      // What began meanwhile was in the way.
      if (this.#parts.isBusy()) return this.#later(speedTimes.againMs)
      const record = { hardware, measuredMs: this.#parts.clock.wall(), ...found }
      this.#record = record
      const value = encode(SpeedRecord, record)
      await this.#parts.disk.write([{ put: KEY, value }], { durable: false })
      this.#log.info('the speed of this host is known', { ...found })
    } catch (error) {
      this.#log.debug('the speed of this host is not known', { why: String(error) })
      this.#later(speedTimes.failedMs)
    }
  }

  #later(inMs: number): void {
    if (!this.#life.signal.aborted) this.#look(inMs)
  }
}
