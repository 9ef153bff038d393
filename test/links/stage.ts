/**
 * A stage of a few hosts: one clock that only the test moves, and networks in memory that deliver
 * after a millisecond, hold back when the reader pauses, and break when told to.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import {
  type CloseReason,
  type Network,
  type PeerConnectionEvent,
  type Purpose,
  type Stream,
  Unreachable,
  type UnreachableCode,
} from '../../protocol/ports/network.ts'

export class ManualClock implements Clock {
  #nowMs = 0
  #order = 0
  #timers: { atMs: number; order: number; run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  wall(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, run: callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  every(intervalMs: number, callback: () => void): Timer {
    let timer: Timer
    const again = () => {
      timer = this.after(intervalMs, () => {
        again()
        callback()
      })
    }
    again()
    return { cancel: () => timer.cancel() }
  }

  get pending(): number {
    return this.#timers.length
  }

  /** Runs all that is due within `forMs`, in order, and what promises make of it in between. */
  async advance(forMs: number): Promise<void> {
    const untilMs = this.#nowMs + forMs
    await turn()
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      const next = this.#timers[0]
      if (next === undefined || next.atMs > untilMs) break
      this.#timers.shift()
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.run()
      await turn()
    }
    this.#nowMs = untilMs
  }
}

/** The same draws in every run; `fixed` makes each of them that share. */
export function entropyOf(seed: number, fixed?: number): Entropy {
  let state = seed >>> 0
  const uint32 = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  return {
    stream: (name) => entropyOf(seed + name.length * 7919, fixed),
    uint32,
    unit: () => fixed ?? uint32() / 2 ** 32,
    bytes: (length) => Uint8Array.from({ length }, () => uint32() >>> 24),
  }
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}

const latencyMs = 1

/** Bytes that a paused or slow reader lets a sender run ahead before `send` says wait. */
const highWaterBytes = 2000

export class StageStream implements Stream {
  readonly peer: PeerId
  readonly purpose: Purpose
  readonly #clock: ManualClock
  other!: StageStream
  onFrame: (frame: Uint8Array) => void = () => {}
  onClose: (reason: CloseReason) => void = () => {}
  /** Frames on their way to this end. */
  #arriving: Uint8Array[] = []
  #arrivingBytes = 0
  #paused = false
  #waiting: (() => void)[] = []
  open = true
  pauses = 0

  constructor(clock: ManualClock, peer: PeerId, purpose: Purpose) {
    this.#clock = clock
    this.peer = peer
    this.purpose = purpose
  }

  get bufferedBytes(): number {
    return this.other.#arrivingBytes
  }

  send(frame: Uint8Array): boolean {
    if (!this.open) return false
    const to = this.other
    to.#arriving.push(frame)
    to.#arrivingBytes += frame.length
    this.#clock.after(latencyMs, () => to.#deliver())
    return to.#arrivingBytes < highWaterBytes
  }

  drained(): Promise<void> {
    if (!this.open || this.bufferedBytes < highWaterBytes) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  pause(): void {
    this.pauses++
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#clock.after(0, () => this.#deliver())
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.#release()
    this.#clock.after(latencyMs, () => this.other.end('closedThere'))
    this.onClose('closedHere')
  }

  abort(reason: CloseReason): void {
    if (!this.open) return
    this.#clock.after(latencyMs, () => this.other.end('closedThere'))
    this.end(reason)
  }

  /** Ends this side, as the network would. */
  end(reason: CloseReason): void {
    if (!this.open) return
    this.open = false
    this.#arriving = []
    this.#release()
    this.onClose(reason)
  }

  /** The connection beneath breaks: both sides learn it, nothing on its way arrives. */
  cut(): void {
    this.end('connectionLost')
    this.other.end('connectionLost')
  }

  #deliver(): void {
    while (this.open && !this.#paused) {
      const frame = this.#arriving.shift()
      if (frame === undefined) break
      this.#arrivingBytes -= frame.length
      this.onFrame(frame)
    }
    if (this.#arrivingBytes < highWaterBytes) this.other.#release()
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

export class StageNetwork implements Network {
  readonly self: PeerId
  readonly #clock: ManualClock
  readonly #hosts: Map<PeerId, StageNetwork>
  readonly #handlers = new Map<Purpose, (stream: Stream) => void>()
  onConnection: (event: PeerConnectionEvent) => void = () => {}
  /** Every stream opened from here, our end; and the times at which one was tried. */
  readonly opened: StageStream[] = []
  readonly triedAtMs: number[] = []
  readonly bans: { peer: PeerId; forMs: number; why: string }[] = []
  /** Set to make every `open` from here fail, or never answer. */
  failWith: UnreachableCode | 'silence' | undefined

  constructor(clock: ManualClock, hosts: Map<PeerId, StageNetwork>, self: PeerId) {
    this.#clock = clock
    this.#hosts = hosts
    this.self = self
    hosts.set(self, this)
  }

  async open(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    this.triedAtMs.push(this.#clock.now())
    const host = this.#hosts.get(peer)
    if (this.failWith === 'silence') return new Promise(() => {})
    if (this.failWith !== undefined) throw new Unreachable(this.failWith, 'as the test wants it')
    const banned = (host?.bans ?? []).some((ban) => ban.peer === this.self)
    if (banned || this.bans.some((ban) => ban.peer === peer)) {
      throw new Unreachable('banned', 'banned')
    }
    const handler = host === undefined ? undefined : host.#handlers.get(purpose)
    if (handler === undefined) throw new Unreachable('purposeUnsupported', 'nobody there')
    await new Promise<void>((resolve) => this.#clock.after(latencyMs, resolve))
    if (signal.aborted) throw new Unreachable('aborted', 'given up')
    const here = new StageStream(this.#clock, peer, purpose)
    const there = new StageStream(this.#clock, this.self, purpose)
    here.other = there
    there.other = here
    this.opened.push(here)
    handler(there)
    return here
  }

  accept(purpose: Purpose, handler: (stream: Stream) => void): void {
    this.#handlers.set(purpose, handler)
  }

  refuse(purpose: Purpose): void {
    this.#handlers.delete(purpose)
  }

  ban(peer: PeerId, forMs: number, why: string): void {
    this.bans.push({ peer, forMs, why })
  }

  lastOpened(): StageStream {
    const stream = this.opened.at(-1)
    if (stream === undefined) throw new Error('no stream was opened')
    return stream
  }

  addresses(): string[] {
    return []
  }
  learn(): void {}
  dial(): Promise<PeerId> {
    return Promise.reject(new Unreachable('unknownAddress', 'this stage has no addresses'))
  }
  connected(): PeerId[] {
    return []
  }
  readonly disconnected: PeerId[] = []
  disconnect(peer: PeerId): void {
    this.disconnected.push(peer)
  }
  showOut(peer: PeerId): void {
    this.disconnect(peer)
  }
  publish(): void {}
  subscribe(): void {}
  refusals() {
    return {}
  }
  traffic() {
    return { sentBytes: 0, receivedBytes: 0 }
  }
}
