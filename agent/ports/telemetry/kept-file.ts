/**
 * A file of /proc or /sys that is read again and again. It stays open, since opening costs ten
 * times the reading, and reads as a whole from the start each time, as these files want.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { telemetryLimits } from '../limits.ts'

/** One for all: reads are synchronous, and what is read is copied out at once. */
const buffer = Buffer.allocUnsafeSlow(telemetryLimits.fileBytesMax)

export class KeptFile {
  readonly path: string
  #descriptor: number | undefined

  constructor(path: string) {
    this.path = path
  }

  /** Undefined when it is not there, or not for us; it is looked for again at the next reading. */
  read(): string | undefined {
    try {
      this.#descriptor ??= openSync(this.path, 'r')
      const length = readSync(this.#descriptor, buffer, 0, buffer.length, 0)
      return buffer.toString('latin1', 0, length)
    } catch {
      this.close()
      return undefined
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
