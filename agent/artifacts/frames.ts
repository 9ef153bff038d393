/**
 * A stream as what `it-pipe` composes: frames that come, one after another, and frames that go.
 * Both ways wait for the slower side, and neither for longer than a peer deserves.
 */
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { CloseReason, Stream } from '../../protocol/ports/network.ts'

/** The other side has ended, broken off, or fallen silent. */
export class StreamOver extends Error {
  readonly why: CloseReason | 'silent'
  constructor(why: CloseReason | 'silent') {
    super(why === 'silent' ? 'nothing came for too long' : `the stream is over (${why})`)
    this.name = 'StreamOver'
    this.why = why
  }
}

export interface Patience {
  /** For the next frame, and for the other side to read. */
  waitMs: number
  /** Frames that wait here before the stream is paused. */
  framesWaitingMax: number
}

export class Frames {
  readonly stream: Stream
  readonly #clock: Clock
  readonly #patience: Patience
  #waiting: Uint8Array[] = []
  #paused = false
  #over: CloseReason | undefined
  #wanted: PromiseWithResolvers<void> | undefined
  #closed = Promise.withResolvers<void>()

  /** Takes the stream's callbacks: made before anything can come. */
  constructor(clock: Clock, stream: Stream, patience: Patience) {
    this.#clock = clock
    this.stream = stream
    this.#patience = patience
    stream.onFrame = (frame) => {
      this.#waiting.push(frame)
      if (this.#waiting.length >= patience.framesWaitingMax && !this.#paused) {
        this.#paused = true
        stream.pause()
      }
      this.#wanted?.resolve()
    }
    stream.onClose = (reason) => {
      this.#over = reason
      this.#wanted?.resolve()
      this.#closed.resolve()
    }
  }

  /** The next frame. Throws `StreamOver` when there is none, also after a quiet end. */
  async next(): Promise<Uint8Array> {
    if (this.#waiting.length === 0 && this.#over === undefined) {
      this.#wanted = Promise.withResolvers<void>()
      await this.#inTime(this.#wanted.promise)
      this.#wanted = undefined
    }
    const frame = this.#waiting.shift()
    if (frame === undefined) throw new StreamOver(this.#over ?? 'silent')
    if (this.#paused && this.#waiting.length * 2 < this.#patience.framesWaitingMax) {
      this.#paused = false
      this.stream.resume()
    }
    return frame
  }

  /** A source: ends when the other side has ended the stream in good order. */
  async *source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      let frame: Uint8Array
      try {
        frame = await this.next()
      } catch (error) {
        if (error instanceof StreamOver && error.why === 'closedThere') return
        throw error
      }
      yield frame
    }
  }

  async send(frame: Uint8Array): Promise<void> {
    if (!this.stream.open) throw new StreamOver(this.#over ?? 'connectionLost')
    if (this.stream.send(frame)) return
    await this.#inTime(Promise.race([this.stream.drained(), this.#closed.promise]))
    if (!this.stream.open) throw new StreamOver(this.#over ?? 'connectionLost')
  }

  /** A sink. */
  sink = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const frame of source) await this.send(frame)
  }

  async #inTime(event: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<'late'>()
    const timer: Timer = this.#clock.after(this.#patience.waitMs, () => late.resolve('late'))
    try {
      const first = await Promise.race([event, late.promise])
      if (first !== 'late') return
    } finally {
      timer.cancel()
    }
    this.stream.abort('closedHere')
    throw new StreamOver('silent')
  }
}
