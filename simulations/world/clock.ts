/**
 * A host's clock over the world's time: its own zero, its own pace, its own calendar. Timers
 * belong to one life of the host's program and end with it.
 *
 * A paused host keeps its due timers until it wakes and then gets them before any message, in
 * their order and each interval once: what SIGCONT does to a real process, and deliberately
 * hostile to failure detectors.
 */
import { assert } from '../../protocol/assert.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import { HostEvent } from './event.ts'
import type { Host } from './host.ts'
import { calendarOriginMs } from './limits.ts'

export interface ClockOptions {
  /** Millionths by which the host's seconds are too short. */
  driftPpm?: number
  /** How far its calendar is ahead of the world's. */
  wallOffsetMs?: number
}

/** What the machine keeps, whatever becomes of the program that runs on it. */
export class HostTime {
  /** May be changed at any time: a calendar jumps. */
  wallOffsetMs: number
  private readonly host: Host
  private readonly rate: number
  private startedAtMs = 0
  private zeroMs = 0

  constructor(host: Host, options: ClockOptions) {
    this.host = host
    this.rate = 1 + (options.driftPpm ?? 0) / 1e6
    this.wallOffsetMs = options.wallOffsetMs ?? 0
  }

  /** Counts from somewhere else, as a machine's clock does after each start. */
  restart(zeroMs: number): void {
    this.startedAtMs = this.host.world.nowMs
    this.zeroMs = zeroMs
  }

  now(): number {
    return this.zeroMs + (this.host.world.nowMs - this.startedAtMs) * this.rate
  }

  wall(): number {
    return Math.floor(calendarOriginMs + this.host.world.nowMs * this.rate + this.wallOffsetMs)
  }

  get upMs(): number {
    return this.host.world.nowMs - this.startedAtMs
  }

  /** The world's time at which this clock shows `localMs`, and never a hair before. */
  worldTimeOf(localMs: number): number {
    let atMs = this.startedAtMs + (localMs - this.zeroMs) / this.rate
    while (this.zeroMs + (atMs - this.startedAtMs) * this.rate < localMs) {
      atMs += Math.max(atMs, localMs) * Number.EPSILON
    }
    return atMs
  }
}

export class VirtualClock implements Clock {
  private readonly host: Host
  private readonly life: number

  constructor(host: Host) {
    this.host = host
    this.life = host.life
  }

  now(): number {
    return this.host.time.now()
  }

  wall(): number {
    return this.host.time.wall()
  }

  after(delayMs: number, callback: () => void): Timer {
    assert(delayMs >= 0, 'a delay is not negative', { delayMs })
    return this.start(delayMs, undefined, callback)
  }

  every(intervalMs: number, callback: () => void): Timer {
    assert(intervalMs > 0, 'an interval is longer than nothing', { intervalMs })
    return this.start(intervalMs, intervalMs, callback)
  }

  private start(delayMs: number, intervalMs: number | undefined, callback: () => void): Timer {
    // The last words of a life that is over start nothing.
    if (this.life !== this.host.life) return neverFires
    const timer = new HostTimer(this.host, intervalMs, callback)
    timer.arm(delayMs)
    return timer
  }
}

class HostTimer extends HostEvent implements Timer {
  readonly kind = 'timer'
  private readonly intervalMs: number | undefined
  private readonly callback: () => void

  constructor(host: Host, intervalMs: number | undefined, callback: () => void) {
    super(host)
    this.intervalMs = intervalMs
    this.callback = callback
  }

  arm(delayMs: number): void {
    const { time } = this.host
    this.world.scheduler.schedule(this, time.worldTimeOf(time.now() + delayMs))
  }

  cancel(): void {
    this.world.scheduler.cancel(this)
    this.life = -1
  }

  protected override park(): void {
    this.host.parkedTimers.push(this)
  }

  protected happen(): void {
    // Armed before the call, so that the call may cancel it.
    if (this.intervalMs !== undefined) this.arm(this.intervalMs)
    this.callback()
  }

  protected describe(): string {
    return this.intervalMs === undefined ? 'timer' : `every ${this.intervalMs} ms`
  }

  protected payload(): number {
    return this.intervalMs === undefined ? 0 : this.intervalMs | 0
  }
}

const neverFires: Timer = { cancel: () => {} }
