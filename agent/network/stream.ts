/**
 * One kept, framed, ordered stream over a libp2p message stream.
 *
 * Frames sent in one turn of the event loop leave as one write (`turn-end.ts`): below us every write
 * is encrypted twice, so a thousand small frames would otherwise cost a thousand times as much. Nothing here
 * makes a promise per frame, and only a sender that was told to wait makes one at all.
 */
import type { Stream as RawStream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { CloseReason, Purpose, Stream } from '../../protocol/ports/network.ts'
import { FrameDecoder, type FrameRefusal, frameHeader } from '../../protocol/wire/frame.ts'
import { brieflyRoom } from '../../protocol/wire/slab.ts'
import type { RefusalReason } from './refusals.ts'
import { OpenedInVain } from './stream-openings.ts'
import { handOver } from './turn-end.ts'

/** Frames up to this size are copied together; above, the copy costs more than another buffer. */
const copiedFrameBytesMax = 32 * 1024

/** A peer that takes nothing more is not waited for longer than this when closing. */
const closeTimeoutMs = 5_000

const inVain: ReadonlySet<CloseReason> = new Set(['frameTooLarge', 'garbage', 'unwanted'])

export interface StreamFacts {
  peer: PeerId
  purpose: Purpose
  frameBytesMax: number
  highWaterBytes: number
  bufferBytesMax: number
  /** Whether the connection below is still there. */
  connectionOpen: () => boolean
  refused: (reason: RefusalReason) => void
  ended: (stream: FramedStream) => void
}

export class FramedStream implements Stream {
  readonly #raw: RawStream
  readonly #facts: StreamFacts
  readonly #decoder: FrameDecoder
  #open = true
  #closeReported = false
  #paused = false
  /** Frames of a chunk that was being taken apart when the reader paused. At most one window. */
  #held: Uint8Array[] = []
  #heldEnd: CloseReason | undefined = undefined
  #onFrame: ((frame: Uint8Array) => void) | undefined = undefined
  /** Accepted by `send` in this turn. Invariant: not empty exactly while a flush is due. */
  #unsent: Uint8Array[] = []
  #unsentBytes = 0
  #drain: PromiseWithResolvers<void> | undefined = undefined
  /** Most streams never have to: nothing is told of those that nobody waits for. */
  #listensForIdle = false

  onClose: (reason: CloseReason) => void = () => {}

  constructor(raw: RawStream, facts: StreamFacts) {
    this.#raw = raw
    this.#facts = facts
    this.#decoder = new FrameDecoder({ frameBytesMax: facts.frameBytesMax }, this.#deliver)
    raw.addEventListener('close', this.#onRawClose)
    raw.addEventListener('end', this.#onRawEnd)
    // libp2p's own listener moves the buffer in a microtask; look after it has.
    raw.addEventListener('drain', () => queueMicrotask(this.#wake))
  }

  get peer(): PeerId {
    return this.#facts.peer
  }

  get purpose(): Purpose {
    return this.#facts.purpose
  }

  get open(): boolean {
    return this.#open
  }

  get bufferedBytes(): number {
    return this.#open ? this.#unsentBytes + this.#raw.writeBufferLength : 0
  }

  get onFrame(): (frame: Uint8Array) => void {
    return this.#onFrame ?? (() => {})
  }

  /** Reading begins with the first handler, so nothing that came before it is lost. */
  set onFrame(handler: (frame: Uint8Array) => void) {
    const first = this.#onFrame === undefined
    this.#onFrame = handler
    if (first) this.#raw.addEventListener('message', this.#onMessage)
  }

  send(frame: Uint8Array): boolean {
    if (!this.#open) return false
    const { frameBytesMax, bufferBytesMax, highWaterBytes, purpose } = this.#facts
    assert(frame.length <= frameBytesMax, 'a frame keeps to the limit of its purpose', {
      bytes: frame.length,
      frameBytesMax,
      purpose,
    })
    const header = frameHeader(frame.length)
    if (this.bufferedBytes + header.length + frame.length > bufferBytesMax) {
      this.abort('closedHere')
      return false
    }
    if (this.#unsentBytes === 0) handOver(this.#flush)
    this.#unsent.push(header, frame)
    this.#unsentBytes += header.length + frame.length
    return this.bufferedBytes < highWaterBytes
  }

  drained(): Promise<void> {
    if (!this.#open || this.bufferedBytes < this.#facts.highWaterBytes) return Promise.resolve()
    if (!this.#listensForIdle) this.#raw.addEventListener('idle', this.#wake)
    this.#listensForIdle = true
    this.#drain ??= Promise.withResolvers<void>()
    return this.#drain.promise
  }

  #flush = (): void => {
    if (this.#unsentBytes === 0) return
    const batch = joined(this.#unsent)
    this.#unsent = []
    this.#unsentBytes = 0
    try {
      this.#raw.send(batch)
    } catch {
      // The stream ended under us; its close event says why, or has.
      if (this.#raw.status !== 'open') this.#end(this.#lossReason())
    }
    this.#wake()
  }

  #wake = (): void => {
    if (this.#drain === undefined) return
    if (this.#open && this.bufferedBytes >= this.#facts.highWaterBytes) return
    this.#drain.resolve()
    this.#drain = undefined
  }

  #onMessage = (event: StreamMessageEvent): void => {
    if (event.data instanceof Uint8Array) {
      this.#take(event.data)
      return
    }
    for (const part of event.data) this.#take(part)
  }

  #take(part: Uint8Array): void {
    if (!this.#open) return
    // A Buffer's `slice` would share memory with the socket; the decoder's frames must not.
    const refusal = this.#decoder.push(
      new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
    )
    if (refusal !== undefined) this.#refuse(refusal)
  }

  #refuse(refusal: FrameRefusal): void {
    if (!this.#open) return
    const tooLarge = refusal === 'frameTooLarge'
    this.#facts.refused(tooLarge ? 'frameTooLarge' : 'garbageFrame')
    this.abort(tooLarge ? 'frameTooLarge' : 'garbage')
  }

  #deliver = (frame: Uint8Array): void => {
    if (!this.#open) return
    if (this.#paused || this.#held.length > 0) this.#held.push(frame)
    else this.#onFrame?.(frame)
  }

  pause(): void {
    if (!this.#open || this.#paused) return
    this.#paused = true
    if (this.#readable()) this.#raw.pause()
  }

  resume(): void {
    if (!this.#open || !this.#paused) return
    this.#paused = false
    this.#deliverHeld()
    if (this.#paused || !this.#open) return
    if (this.#heldEnd !== undefined) this.#end(this.#heldEnd)
    else if (this.#readable()) this.#raw.resume()
  }

  #deliverHeld(): void {
    let next = 0
    // What is still to come must not overtake, so the list is only emptied at the end.
    while (next < this.#held.length && !this.#paused && this.#open) {
      this.#onFrame?.(this.#held[next++] as Uint8Array)
    }
    this.#held = this.#held.slice(next)
  }

  #readable(): boolean {
    return this.#raw.readStatus === 'readable' || this.#raw.readStatus === 'paused'
  }

  close(): void {
    if (!this.#open) return
    this.#flush()
    const raw = this.#raw
    this.#end('closedHere')
    closeRaw(raw)
  }

  abort(reason: CloseReason): void {
    if (!this.#open) return
    this.#end(reason)
    this.#raw.abort(inVain.has(reason) ? new OpenedInVain(reason) : new Error(reason))
  }

  /** For a host that stops: what was sent still goes out, the reason is ours. */
  shutDown(): void {
    if (!this.#open) return
    this.#flush()
    this.#end('shutdown')
  }

  #onRawClose = (event: StreamCloseEvent): void => {
    if (!this.#open) return
    const graceful = event.error === undefined && this.#facts.connectionOpen()
    this.#endAfterHeld(graceful ? 'closedThere' : this.#lossReason(), graceful)
  }

  /** The other end has finished, and everything it sent has been read. */
  #onRawEnd = (): void => {
    if (!this.#open) return
    const graceful = this.#facts.connectionOpen() && this.#raw.status === 'open'
    this.#endAfterHeld(this.#lossReason(), graceful)
  }

  #endAfterHeld(reason: CloseReason, graceful: boolean): void {
    // A host that dies in the middle of a frame takes its connection along, and is not at fault.
    const cutShort = this.#decoder.pendingBytes > 0 && reason === 'closedThere'
    if (cutShort) this.#facts.refused('frameCutShort')
    if (graceful && this.#held.length > 0) {
      this.#heldEnd = reason
      return
    }
    this.#end(reason)
    if (graceful) closeRaw(this.#raw)
  }

  #lossReason(): CloseReason {
    return this.#facts.connectionOpen() ? 'closedThere' : 'connectionLost'
  }

  #end(reason: CloseReason): void {
    this.#open = false
    this.#unsent = []
    this.#unsentBytes = 0
    this.#held = []
    this.#wake()
    this.#facts.ended(this)
    // After the caller's own statement, so that whoever closes is not called back in the middle.
    queueMicrotask(() => {
      if (this.#closeReported) return
      this.#closeReported = true
      this.onClose(reason)
    })
  }
}

function closeRaw(raw: RawStream): void {
  // `close` may reject with the close event itself; whatever it is, the stream is to be gone.
  raw.close({ signal: AbortSignal.timeout(closeTimeoutMs) }).catch(() => {
    raw.abort(new Error('closing took too long'))
  })
}

/** As few buffers as copying allows: each one costs two rounds of encryption of its own. */
function joined(parts: readonly Uint8Array[]): Uint8Array | Uint8ArrayList {
  const groups: Uint8Array[] = []
  let from = 0
  for (let at = 0; at <= parts.length; at++) {
    const part = parts[at]
    if (part !== undefined && part.length <= copiedFrameBytesMax) continue
    if (at > from)
      groups.push(at - from === 1 ? (parts[from] as Uint8Array) : copied(parts, from, at))
    if (part !== undefined) groups.push(part)
    from = at + 1
  }
  return groups.length === 1 ? (groups[0] as Uint8Array) : new Uint8ArrayList(...groups)
}

function copied(parts: readonly Uint8Array[], from: number, to: number): Uint8Array {
  let length = 0
  for (let at = from; at < to; at++) length += (parts[at] as Uint8Array).length
  const whole = brieflyRoom(length)
  let offset = 0
  for (let at = from; at < to; at++) {
    const part = parts[at] as Uint8Array
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
