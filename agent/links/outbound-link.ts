/**
 * Our stream to one peer: opened when first needed, greeted, fed from a bounded queue as fast as
 * the peer reads, and opened again with growing, jittered waits when it breaks.
 *
 * Only we send on it; the peer's Hello is all that may come back.
 */

import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { CloseReason, Network, Purpose, Stream } from '../../protocol/ports/network.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { agree, Hello } from '../../protocol/wire/versions.ts'
import { FrameQueue, type Outgoing } from './frame-queue.ts'
import type { LinkLimits } from './limits.ts'
import type { LinkDrop, LinkRefusal } from './refusals.ts'

export interface OutboundEvents {
  /** A queued frame was handed to the stream. */
  sent(frame: Outgoing): void
  dropped(frame: Outgoing, reason: LinkDrop, why: string): void
  refused(reason: LinkRefusal): void
  opened(theirs: Hello, version: number): void
  /** The stream broke, or never came about. */
  lost(why: string): void
}

export interface OutboundPorts {
  clock: Clock
  entropy: Entropy
  network: Network
}

/** As whoever asked is told why there is no answer. */
const closeWords: Readonly<Record<CloseReason, string>> = {
  closedHere: 'the stream was closed here',
  closedThere: 'it closed the stream',
  connectionLost: 'the connection was lost',
  frameTooLarge: 'it said more at once than is taken',
  garbage: 'it said what makes no sense',
  unwanted: 'it is one too many, or not for this host',
  shutdown: 'this agent is stopping',
}

/** Made once: the runtime would make one, with its stack, for each. */
const notWanted = new Error('the stream is not wanted any more')

type Phase = 'idle' | 'opening' | 'greeting' | 'open'

export class OutboundLink {
  readonly #ports: OutboundPorts
  readonly #peer: PeerId
  readonly #purpose: Purpose
  readonly #hello: Hello
  readonly #limits: LinkLimits
  readonly #events: OutboundEvents
  readonly #queue: FrameQueue
  #phase: Phase = 'idle'
  #stream: Stream | undefined
  #opening: AbortController | undefined
  /** Ends the waiting of the phase: for `open`, for Hello, or for the next try of a kept link. */
  #timer: Timer | undefined
  #draining = false
  #kept = false
  #failures = 0
  #retryAtMs = 0
  #openedAtMs = 0
  #usedAtMs: number

  constructor(
    ports: OutboundPorts,
    peer: PeerId,
    purpose: Purpose,
    hello: Hello,
    limits: LinkLimits,
    events: OutboundEvents,
  ) {
    this.#ports = ports
    this.#peer = peer
    this.#purpose = purpose
    this.#hello = hello
    this.#limits = limits
    this.#events = events
    this.#queue = new FrameQueue(limits.queueFramesMax, limits.queueBytesMax)
    this.#usedAtMs = ports.clock.now()
  }

  get open(): boolean {
    return this.#phase === 'open'
  }

  send(frame: Outgoing, dialNow: boolean): void {
    const now = this.#ports.clock.now()
    if (this.#phase === 'idle' && now < this.#retryAtMs && !dialNow) {
      this.#events.dropped(frame, 'backingOff', 'the last attempts failed; waiting to try again')
      return
    }
    this.#usedAtMs = now
    for (const old of this.#queue.push(frame)) {
      this.#events.dropped(old, 'queueFull', 'too many frames wait for this peer')
    }
    if (this.#phase === 'idle') this.#dial()
    else if (this.#phase === 'open') this.#pump()
  }

  /** A kept link is opened without being used, and again whenever it breaks. */
  keep(kept: boolean): void {
    this.#kept = kept
    if (kept) this.#dialWhenDue()
    else if (this.#phase === 'idle') this.#stopTimer()
  }

  /** The peer is known to be reachable again. */
  resetBackoff(): void {
    this.#failures = 0
    this.#retryAtMs = 0
    if (this.#kept) this.#dialWhenDue()
  }

  /** Closes a link that nobody uses. True when nothing here is worth remembering. */
  reap(): boolean {
    const now = this.#ports.clock.now()
    const unused = now - this.#usedAtMs >= this.#limits.idleMs
    if (this.#phase === 'open' && unused && !this.#kept && this.#queue.length === 0) this.#leave()
    const forgiven = now >= this.#retryAtMs + (this.#failures > 0 ? this.#limits.backoffCapMs : 0)
    return this.#phase === 'idle' && !this.#kept && forgiven
  }

  close(reason: LinkDrop, why: string): void {
    this.#kept = false
    this.#leave()
    this.#dropQueue(reason, why)
  }

  #dialWhenDue(): void {
    if (this.#phase !== 'idle') return
    this.#stopTimer()
    const waitMs = this.#retryAtMs - this.#ports.clock.now()
    if (waitMs <= 0) this.#dial()
    else this.#timer = this.#ports.clock.after(waitMs, () => this.#dialWhenDue())
  }

  #dial(): void {
    assert(this.#phase === 'idle', 'a link must be opened once at a time')
    this.#stopTimer()
    const opening = new AbortController()
    this.#opening = opening
    this.#phase = 'opening'
    this.#timer = this.#ports.clock.after(this.#limits.openTimeoutMs, () => {
      this.#stuck(`not open within ${this.#limits.openTimeoutMs} ms`)
    })
    this.#ports.network.open(this.#peer, this.#purpose, opening.signal).then(
      (stream) => {
        if (this.#opening === opening) this.#greet(stream)
        else stream.abort('closedHere')
      },
      (error: unknown) => {
        if (this.#opening !== opening) return
        this.#failed('unreachable', messageOf(error))
      },
    )
  }

  /** Nothing of the purpose is sent before the peer has said which versions it speaks. */
  #greet(stream: Stream): void {
    this.#opening = undefined
    this.#stopTimer()
    this.#phase = 'greeting'
    this.#stream = stream
    stream.onFrame = (frame) => {
      if (this.#stream === stream) this.#onFrame(frame)
    }
    stream.onClose = (reason) => {
      if (this.#stream === stream) this.#onClose(reason)
    }
    this.#timer = this.#ports.clock.after(this.#limits.helloTimeoutMs, () => {
      this.#stuck(`no Hello within ${this.#limits.helloTimeoutMs} ms`)
    })
    stream.send(encode(Hello, this.#hello))
  }

  #onFrame(frame: Uint8Array): void {
    if (this.#phase !== 'greeting') {
      this.#events.refused('unexpectedFrame')
      return
    }
    const theirs = decode(Hello, frame)
    if (!theirs.ok) {
      this.#failed('refused', 'its first frame was no Hello')
      this.#events.refused('noHello')
      return
    }
    const agreement = agree(this.#hello, theirs.value)
    if (!agreement.ok) {
      // Nothing changes before one side is upgraded: go straight to the longest wait.
      this.#failures = Math.max(this.#failures, this.#longestWaitAfter())
      this.#failed('refused', `no common version: ${agreement.why}`)
      this.#events.refused('wrongVersion')
      return
    }
    this.#stopTimer()
    this.#phase = 'open'
    this.#openedAtMs = this.#ports.clock.now()
    this.#usedAtMs = this.#openedAtMs
    this.#events.opened(theirs.value, agreement.version)
    this.#pump()
  }

  #pump(): void {
    const stream = this.#stream
    while (stream?.open && stream === this.#stream && this.#phase === 'open' && !this.#draining) {
      const frame = this.#queue.shift()
      if (frame === undefined) return
      this.#usedAtMs = this.#ports.clock.now()
      // Before it is: a stream that breaks under this frame says so from within `send`.
      this.#events.sent(frame)
      const more = stream.send(frame.bytes)
      if (more || stream !== this.#stream) continue
      this.#draining = true
      this.#awaitDrain(stream)
    }
  }

  #awaitDrain(stream: Stream): void {
    const resume = () => {
      if (this.#stream !== stream) return
      this.#draining = false
      this.#pump()
    }
    stream.drained().then(resume, resume)
  }

  #onClose(reason: CloseReason): void {
    if (reason === 'frameTooLarge') this.#events.refused('tooLarge')
    else if (reason === 'garbage') this.#events.refused('garbage')
    // The ledger may have banned the peer, and ended this link with it.
    if (this.#phase === 'idle') return
    const lived = this.#ports.clock.now() - this.#openedAtMs
    if (this.#phase === 'open' && lived >= this.#limits.steadyMs) this.#reopen(closeWords[reason])
    else this.#failed('linkLost', closeWords[reason])
  }

  /** A link that served well and broke: what waits is sent over a new one, at once. */
  #reopen(why: string): void {
    this.#failures = 0
    this.#leave()
    this.#events.lost(why)
    if (this.#queue.length > 0) this.#dial()
    else this.#backOff()
  }

  #failed(reason: LinkDrop, why: string): void {
    this.#failures++
    this.#leave()
    this.#backOff()
    this.#dropQueue(reason, why)
    this.#events.lost(why)
  }

  /**
   * Whoever hears that a stream is opened, or a Hello, answers at once. After a bad time on the wire
   * TCP may wait two minutes before it sends again what was lost; a new connection gets through.
   */
  #stuck(why: string): void {
    this.#failed('unreachable', why)
    this.#ports.network.disconnect(this.#peer)
  }

  #backOff(): void {
    const { backoffBaseMs, backoffCapMs } = this.#limits
    const ceilingMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** this.#failures)
    this.#retryAtMs = this.#ports.clock.now() + this.#ports.entropy.unit() * ceilingMs
    if (this.#kept) this.#dialWhenDue()
  }

  #longestWaitAfter(): number {
    return Math.ceil(Math.log2(this.#limits.backoffCapMs / this.#limits.backoffBaseMs))
  }

  /** Lets go of the stream, or of the attempt at one, without judging why. */
  #leave(): void {
    const stream = this.#stream
    this.#opening?.abort(notWanted)
    this.#opening = undefined
    this.#stream = undefined
    this.#phase = 'idle'
    this.#draining = false
    this.#stopTimer()
    stream?.close()
  }

  #dropQueue(reason: LinkDrop, why: string): void {
    for (const frame of this.#queue.takeAll()) this.#events.dropped(frame, reason, why)
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
