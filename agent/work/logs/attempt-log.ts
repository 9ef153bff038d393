/**
 * The log of one attempt while it runs: takes what the step writes, and puts it into files a moment
 * later. Of a log that is too long the beginning is in files and the end in memory, until the
 * attempt is over. Nothing is synced: a log is worth less than the time that would take.
 */
import type { Clock, Timer } from '../../../protocol/ports/clock.ts'
import { workLimits } from '../../../protocol/work/limits.ts'
import { logLimits } from '../limits.ts'
import { lastTextOf } from '../texts.ts'
import { EndRing } from './end-ring.ts'
import type { LogExtent, LogFiles } from './log-files.ts'

export class AttemptLog {
  /** Tells the step to write no more for now, or to go on. */
  onPressure: (held: boolean) => void = () => {}
  /** What could not be written, once. */
  onFailure: (why: string) => void = () => {}
  readonly #clock: Clock
  readonly #files: LogFiles
  readonly #headBytesMax: number
  readonly #ring = new EndRing(logLimits.tailBytes)
  /** Of the head: taken, and of that, in files. */
  #headBytes = 0
  #writtenBytes = 0
  #totalBytes = 0
  #pending: Uint8Array[] = []
  #flushing: Promise<void> | undefined
  #timer: Timer | undefined
  /** Nothing more goes into the head: it is full, or the disk is. */
  #headEnded = false
  #held = false
  /** Nothing more is taken. */
  #ending = false
  /** All that is kept is in files. */
  #closed = false
  readonly #readers = new Set<() => void>()

  constructor(clock: Clock, files: LogFiles, logBytesMax: number) {
    this.#clock = clock
    this.#files = files
    this.#headBytesMax = Math.max(0, logBytesMax - logLimits.tailBytes)
  }

  /** Goes on with what an earlier life has left. */
  async resume(): Promise<void> {
    const { headBytes, totalBytes } = await this.#files.survey()
    this.#headBytes = headBytes
    this.#writtenBytes = headBytes
    this.#totalBytes = totalBytes
    this.#headEnded = totalBytes > headBytes
    if (headBytes > 0) this.#ring.push(await this.#files.readAt(this.#lastSegment(), this.extent))
  }

  get totalBytes(): number {
    return this.#totalBytes
  }

  get extent(): LogExtent {
    const beyond = this.#totalBytes - this.#headBytes
    const tailBytes = Math.min(this.#ring.length, beyond)
    return { headBytes: this.#headBytes, tailBytes, totalBytes: this.#totalBytes }
  }

  get closed(): boolean {
    return this.#closed
  }

  append(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#ending) return
    this.#ring.push(chunk)
    this.#totalBytes += chunk.length
    if (!this.#headEnded) {
      const room = this.#headBytesMax - this.#headBytes
      // A copy: what a port hands over may be a part of something far larger.
      const kept = chunk.slice(0, room)
      this.#headBytes += kept.length
      if (kept.length > 0) this.#pending.push(kept)
      this.#headEnded = kept.length < chunk.length
      this.#flushSoon()
    }
    this.#wakeReaders()
  }

  /** A line of the agent's own. */
  note(text: string): void {
    const first = this.#totalBytes === 0 || this.#ring.last(1)[0] === 10
    this.append(new TextEncoder().encode(`${first ? '' : '\n'}[skein] ${text}\n`))
  }

  /** For the result. */
  lastText(): string | undefined {
    if (this.#totalBytes === 0) return undefined
    return lastTextOf(this.#ring.last(workLimits.logTailBytesMax), workLimits.logTailBytesMax)
  }

  /** What was written after this place; where that is more than so much, the end of it. */
  since(at: number, bytesMax: number): { at: number; bytes: Uint8Array } {
    const bytes = this.#ring.last(Math.min(bytesMax, Math.max(0, this.#totalBytes - at)))
    return { at: this.#totalBytes - bytes.length, bytes }
  }

  /** What is kept from this place on, in one piece; empty when there is nothing yet. */
  readAt(at: number): Promise<Uint8Array> | Uint8Array {
    if (at < this.#writtenBytes) {
      return this.#files.readAt(at, { ...this.extent, headBytes: this.#writtenBytes })
    }
    const left = this.#totalBytes - at
    if (at < this.#headBytes && left > this.#ring.length) {
      return concatenated(this.#pending).subarray(at - this.#writtenBytes)
    }
    return this.#ring.last(left)
  }

  /** Resolves when there is more, or will never be, or the signal says so. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#readers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#readers.add(done)
      signal.addEventListener('abort', done)
    })
  }

  /** Writes what is left, and says what is kept. */
  async close(): Promise<LogExtent> {
    this.#ending = true
    this.#timer?.cancel()
    await this.#flushing
    await this.#flush()
    const { extent } = this
    if (extent.tailBytes > 0) {
      await this.#files.writeTail(this.#ring.last(extent.tailBytes)).catch((error: unknown) => {
        this.onFailure(String(error))
      })
    }
    this.#closed = true
    this.#wakeReaders()
    return extent
  }

  #lastSegment(): number {
    return Math.max(0, this.#headBytes - 1) - ((this.#headBytes - 1) % logLimits.segmentBytes)
  }

  get #pendingBytes(): number {
    return this.#headBytes - this.#writtenBytes
  }

  #flushSoon(): void {
    if (this.#pendingBytes > logLimits.pendingBytesMax) {
      this.#hold(true)
      this.#flushNow()
    }
    this.#timer ??= this.#clock.after(logLimits.flushMs, () => {
      this.#timer = undefined
      this.#flushNow()
    })
  }

  /** The end is noted after the begin, also where there is nothing to write and both are at once. */
  #flushNow(): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
    })
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const bytes = concatenated(this.#pending)
      const count = this.#pending.length
      try {
        await this.#files.append(this.#writtenBytes, bytes)
        this.#pending.splice(0, count)
        this.#writtenBytes += bytes.length
      } catch (error) {
        // What is written is kept; of the rest, the end.
        this.#pending = []
        this.#headEnded = true
        this.#headBytes = this.#writtenBytes
        this.onFailure(String(error))
      }
      this.#hold(false)
    }
  }

  #hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    this.onPressure(held)
  }

  #wakeReaders(): void {
    for (const wake of [...this.#readers]) wake()
  }
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
