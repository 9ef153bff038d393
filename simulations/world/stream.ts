/**
 * One end of a simulated stream. A sender may be a window ahead of what the receiver has read;
 * beyond that its frames wait here, where `send` and `bufferedBytes` tell of them.
 */
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { CloseReason, Purpose, Stream } from '../../protocol/ports/network.ts'
import type { End } from './connection.ts'

/** The length before each frame. */
const headerBytes = 3

export class SimulatedStream implements Stream {
  readonly peer: PeerId
  readonly purpose: Purpose
  readonly end: End
  readonly openedHere: boolean
  onFrame: (frame: Uint8Array) => void = () => {}
  onClose: (reason: CloseReason) => void = () => {}
  /** The other end, once it exists. */
  twin: SimulatedStream | undefined
  open = true
  private waiting: Uint8Array[] = []
  private waitingBytes = 0
  private inFlightBytes = 0
  /** Frames that came while delivery was paused. */
  private arrived: Uint8Array[] = []
  /** Read here and not yet told to the sender; and told, but still on its way. */
  private owedBytes = 0
  private toldBytes = 0
  private paused = false
  /** Set while the other end's last words wait behind frames that were not delivered yet. */
  private ending: CloseReason | undefined
  private closing = false
  private drainWaits: (() => void)[] = []

  constructor(end: End, purpose: Purpose, openedHere: boolean) {
    this.end = end
    this.peer = end.other.host.id
    this.purpose = purpose
    this.openedHere = openedHere
  }

  get bufferedBytes(): number {
    return this.waitingBytes
  }

  send(frame: Uint8Array): boolean {
    if (!this.open) return true
    const { limits } = this.end.host.world
    const { length } = frame
    assert(
      length > 0 && length <= limits.purposeDefault.frameBytesMax,
      'a frame fits its purpose',
      {
        purpose: this.purpose,
        bytes: length,
      },
    )
    if (this.waiting.length === 0 && this.fits(length)) {
      this.transmit(frame)
      return true
    }
    if (this.waitingBytes + length > limits.streamBufferBytesMax) {
      this.abort('closedHere')
      return true
    }
    this.waiting.push(frame)
    this.waitingBytes += length
    return this.waitingBytes < limits.streamHighWaterBytes
  }

  drained(): Promise<void> {
    const { streamHighWaterBytes } = this.end.host.world.limits
    if (!this.open || this.waitingBytes < streamHighWaterBytes) return Promise.resolve()
    return new Promise((resolve) => this.drainWaits.push(resolve))
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (this.open && this.arrived.length > 0) this.later('resume', () => this.deliverArrived())
  }

  close(): void {
    if (!this.open) return
    this.closing = this.waiting.length > 0
    if (!this.closing) this.sayEnd(false)
    this.finish('closedHere')
  }

  abort(reason: CloseReason): void {
    if (!this.open) return
    this.waiting = []
    this.waitingBytes = 0
    this.sayEnd(true)
    this.finish(reason)
  }

  // ── What arrives ──────────────────────────────────────────────────────────────────────────────

  receive(frame: Uint8Array, again: boolean): void {
    if (!this.open) return
    if (this.paused || this.arrived.length > 0) {
      if (!again) this.arrived.push(frame)
      return
    }
    this.onFrame(frame)
    if (!again) this.owe(frame.length)
  }

  /** The receiver has read so much. */
  credited(bytes: number): void {
    if (this.twin !== undefined) this.twin.toldBytes -= bytes
    this.inFlightBytes -= bytes
    this.pump()
  }

  /** The network has lost so much of what was sent from here. */
  vanished(bytes: number): void {
    this.inFlightBytes -= bytes
    this.pump()
    this.twin?.settle()
  }

  /** The other end is no more. */
  ended(aborted: boolean): void {
    if (!this.open) return
    if (aborted) this.finish('connectionLost')
    else if (this.arrived.length > 0) this.ending = 'closedThere'
    else this.finish('closedThere')
  }

  /** The connection beneath is no more, and there is nobody to tell. */
  lost(reason: CloseReason): void {
    this.closing = false
    if (this.open) this.finish(reason)
  }

  /** The program beneath is no more: not even `onClose` has anybody to call. */
  die(): void {
    this.open = false
    this.closing = false
    this.waiting = []
    this.waitingBytes = 0
  }

  // ── Within ────────────────────────────────────────────────────────────────────────────────────

  private fits(bytes: number): boolean {
    // A frame larger than the window passes alone.
    if (this.inFlightBytes === 0) return true
    return this.inFlightBytes + bytes <= this.end.host.world.limits.streamWindowBytesMax
  }

  private transmit(frame: Uint8Array): void {
    this.inFlightBytes += frame.length
    // Both ends exist before either is handed out.
    const stream = this.twin as SimulatedStream
    this.end.say({ kind: 'frame', stream, frame, again: false }, frame.length + headerBytes)
  }

  private pump(): void {
    if (!this.open && !this.closing) return
    while (this.waiting.length > 0 && this.fits((this.waiting[0] as Uint8Array).length)) {
      const frame = this.waiting.shift() as Uint8Array
      this.waitingBytes -= frame.length
      this.transmit(frame)
    }
    if (this.closing && this.waiting.length === 0) {
      this.closing = false
      this.sayEnd(false)
    }
    if (this.waitingBytes < this.end.host.world.limits.streamHighWaterBytes) this.release()
  }

  /**
   * Read bytes are told to a sender that waits for them, half a window at a time, and when it has
   * nothing more under way. One that does not wait gets its account corrected in passing, which
   * saves an event for nearly every frame.
   */
  private owe(bytes: number): void {
    this.owedBytes += bytes
    this.settle()
  }

  private settle(): void {
    const sender = this.twin
    if (sender === undefined || this.owedBytes === 0) return
    if (sender.waiting.length === 0) {
      sender.inFlightBytes -= this.owedBytes
      this.owedBytes = 0
      return
    }
    const all = this.owedBytes + this.toldBytes >= sender.inFlightBytes
    const { streamWindowBytesMax } = this.end.host.world.limits
    if (!all && this.owedBytes < streamWindowBytesMax / 2) return
    this.end.say({ kind: 'credit', stream: sender, bytes: this.owedBytes }, headerBytes)
    this.toldBytes += this.owedBytes
    this.owedBytes = 0
  }

  private deliverArrived(): void {
    while (this.open && !this.paused && this.arrived.length > 0) {
      const frame = this.arrived.shift() as Uint8Array
      this.onFrame(frame)
      this.owe(frame.length)
    }
    if (this.open && this.arrived.length === 0 && this.ending !== undefined) {
      this.finish(this.ending)
    }
  }

  private sayEnd(aborted: boolean): void {
    const stream = this.twin
    if (stream !== undefined) this.end.say({ kind: 'endStream', stream, aborted }, headerBytes)
  }

  private finish(reason: CloseReason): void {
    this.open = false
    this.arrived = []
    if (!this.closing) this.waiting = []
    this.end.streams.delete(this)
    this.release()
    // Never from within the call that ended it: the owner may be in the middle of something.
    this.later('close', () => this.onClose(reason))
  }

  private release(): void {
    for (const resolve of this.drainWaits.splice(0)) resolve()
  }

  private later(what: string, call: () => void): void {
    this.end.host.later(0, 'stream', what, call)
  }
}
