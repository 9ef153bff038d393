/**
 * A peer's stream to us: greeted first, then read no faster than the peer's quota allows. Over
 * quota nothing is lost: the stream is paused, and the peer feels it.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { CloseReason, Stream } from '../../protocol/ports/network.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { agree, Hello } from '../../protocol/wire/versions.ts'
import type { Quota } from './quota.ts'
import type { LinkRefusal } from './refusals.ts'

export interface InboundEvents {
  greeted(): void
  frame(bytes: Uint8Array): void
  refused(reason: LinkRefusal): void
  closed(): void
}

export class InboundLink {
  readonly #clock: Clock
  readonly #stream: Stream
  readonly #hello: Hello
  readonly #quota: Quota
  readonly #events: InboundEvents
  #greeted = false
  #ended = false
  #helloTimer: Timer
  #pauseTimer: Timer | undefined

  constructor(
    clock: Clock,
    stream: Stream,
    hello: Hello,
    helloTimeoutMs: number,
    quota: Quota,
    events: InboundEvents,
  ) {
    this.#clock = clock
    this.#stream = stream
    this.#hello = hello
    this.#quota = quota
    this.#events = events
    this.#helloTimer = clock.after(helloTimeoutMs, () => this.#refuse('noHello'))
    stream.onFrame = (frame) => {
      if (!this.#ended) this.#onFrame(frame)
    }
    stream.onClose = (reason) => this.#onClose(reason)
  }

  end(reason: CloseReason): void {
    if (this.#ended) return
    this.#stop()
    this.#stream.abort(reason)
  }

  #onFrame(frame: Uint8Array): void {
    this.#quota.charge(frame.length, this.#clock.now())
    this.#throttle()
    if (this.#greeted) this.#events.frame(frame)
    else this.#greet(frame)
  }

  #greet(frame: Uint8Array): void {
    const theirs = decode(Hello, frame)
    if (!theirs.ok) {
      this.#refuse('noHello')
      return
    }
    // Sent in disagreement too, so that the peer learns why it was turned away.
    this.#stream.send(encode(Hello, this.#hello))
    if (agree(this.#hello, theirs.value).ok) {
      this.#greeted = true
      this.#helloTimer.cancel()
      this.#events.greeted()
      return
    }
    this.#stop()
    this.#stream.close()
    this.#events.refused('wrongVersion')
    this.#events.closed()
  }

  #throttle(): void {
    const waitMs = this.#quota.waitMs(this.#clock.now())
    if (waitMs === 0 || this.#pauseTimer !== undefined) return
    this.#stream.pause()
    this.#events.refused('throttled')
    this.#resumeAfter(waitMs)
  }

  /** Frames that came in spite of the pause, or on the peer's other stream, have to be paid too. */
  #resumeWhenPaid(): void {
    const waitMs = this.#quota.waitMs(this.#clock.now())
    if (waitMs > 0) return this.#resumeAfter(waitMs)
    this.#pauseTimer = undefined
    this.#stream.resume()
  }

  #resumeAfter(waitMs: number): void {
    const pauseMs = Math.max(waitMs, this.#quota.pauseMsMin)
    this.#pauseTimer = this.#clock.after(pauseMs, () => this.#resumeWhenPaid())
  }

  #refuse(reason: LinkRefusal): void {
    this.end('garbage')
    this.#events.refused(reason)
    this.#events.closed()
  }

  #onClose(reason: CloseReason): void {
    if (this.#ended) return
    this.#stop()
    if (reason === 'frameTooLarge') this.#events.refused('tooLarge')
    else if (reason === 'garbage') this.#events.refused('garbage')
    this.#events.closed()
  }

  #stop(): void {
    this.#ended = true
    this.#helloTimer.cancel()
    this.#pauseTimer?.cancel()
    this.#pauseTimer = undefined
  }
}
