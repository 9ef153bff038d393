/** A clock, a host and a disk in memory, moved by hand. */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { type Disk, DiskError, type DiskOp, type ScanRange } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Sample } from '../../protocol/ports/telemetry.ts'

export class HandClock implements Clock {
  #nowMs = 0
  #wallMs: number
  #alarms: { dueMs: number; callback: () => void }[] = []

  constructor(wallMs: number) {
    this.#wallMs = wallMs
  }

  now(): number {
    return this.#nowMs
  }

  wall(): number {
    return this.#wallMs
  }

  /** The calendar jumps; the clock does not. */
  jump(byMs: number): void {
    this.#wallMs += byMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const alarm = { dueMs: this.#nowMs + delayMs, callback }
    this.#alarms.push(alarm)
    return {
      cancel: () => {
        this.#alarms = this.#alarms.filter((other) => other !== alarm)
      },
    }
  }

  every(): Timer {
    throw new Error('the sampler chooses each delay anew')
  }

  run(forMs: number): void {
    const endMs = this.#nowMs + forMs
    for (;;) {
      const next = this.#alarms.toSorted((a, b) => a.dueMs - b.dueMs)[0]
      if (!next || next.dueMs > endMs) break
      this.#moveTo(next.dueMs)
      this.#alarms = this.#alarms.filter((alarm) => alarm !== next)
      next.callback()
    }
    this.#moveTo(endMs)
  }

  #moveTo(nowMs: number): void {
    this.#wallMs += nowMs - this.#nowMs
    this.#nowMs = nowMs
  }
}

export class MemoryDisk implements Disk {
  readonly entries = new Map<string, Uint8Array>()
  writes = 0
  durableWrites = 0
  full = false

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.entries.get(key)
  }

  async write(batch: readonly DiskOp[], { durable }: { durable: boolean }): Promise<void> {
    if (this.full) throw new DiskError('full', 'no space')
    this.writes++
    if (durable) this.durableWrites++
    for (const op of batch) {
      if ('put' in op) this.entries.set(op.put, op.value)
      else this.entries.delete(op.del)
    }
  }

  async *scan(range: ScanRange): AsyncIterable<readonly [string, Uint8Array]> {
    for (const key of [...this.entries.keys()].sort()) {
      if (key >= range.from && key < range.to) yield [key, this.entries.get(key)!]
    }
  }

  async sync(): Promise<void> {}
  async close(): Promise<void> {}
  async scrub(): Promise<void> {}
}

export class LogLines implements Log {
  readonly lines: string[] = []
  debug(): void {}
  info(message: string): void {
    this.lines.push(message)
  }
  warn(message: string): void {
    this.lines.push(message)
  }
  error(message: string): void {
    this.lines.push(message)
  }
  child(): Log {
    return this
  }
}

export function sampleAt(takenAtMs: number, cpu?: number): Sample {
  return {
    takenAtMs,
    ...(cpu !== undefined && { cpu }),
    memoryTotalBytes: 1_000,
    memoryAvailableBytes: 400,
    swapTotalBytes: 0,
    swapUsedBytes: 0,
    disks: [{ mount: '/', totalBytes: 9_000, availableBytes: 5_000 }],
    network: [
      { interface: 'a', receivedBytesPerSecond: 10, sentBytesPerSecond: 1 },
      { interface: 'b', receivedBytesPerSecond: 30, sentBytesPerSecond: 2 },
    ],
    temperatures: [],
    uptimeSeconds: 1,
    agent: { residentBytes: 77, heapUsedBytes: 5 },
  }
}
