/**
 * Where a log lies: its beginning in files of one size, and, of a log that was too long, its end
 * in one more. Places in a log are counted from its first byte, kept or not.
 */
import type { Workspace } from '../../../protocol/ports/workspace.ts'
import { logLimits } from '../limits.ts'

const { segmentBytes, tailBytes } = logLimits

/** What of a log is kept. The head is `[0, headBytes)`, the tail ends at `totalBytes`. */
export interface LogExtent {
  headBytes: number
  tailBytes: number
  totalBytes: number
}

export class LogFiles {
  readonly #workspace: Workspace
  readonly #directory: string

  constructor(workspace: Workspace, name: string) {
    this.#workspace = workspace
    this.#directory = logDirectory(name)
  }

  /** Adds to the head, which is so long already. */
  async append(headBytes: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const at = headBytes + done
      const room = segmentBytes - (at % segmentBytes)
      const piece = bytes.subarray(done, done + room)
      await this.#segment(at).append(piece)
      done += piece.length
    }
  }

  writeTail(bytes: Uint8Array): Promise<void> {
    return this.#tail().write(bytes)
  }

  /** What is kept from this place on, in one piece: the rest of a segment, or of the tail. */
  async readAt(at: number, { headBytes, totalBytes, ...extent }: LogExtent): Promise<Uint8Array> {
    if (at < headBytes) {
      const bytes = (await this.#read(this.#segment(at), segmentBytes)) ?? new Uint8Array(0)
      return bytes.subarray(at % segmentBytes, (at % segmentBytes) + headBytes - at)
    }
    const tail = (await this.#read(this.#tail(), tailBytes)) ?? new Uint8Array(0)
    return tail.subarray(at - (totalBytes - Math.min(tail.length, extent.tailBytes)))
  }

  /** What an earlier life has left. What it had not written yet is lost. */
  async survey(): Promise<LogExtent> {
    let headBytes = 0
    for (;;) {
      const bytes = await this.#read(this.#segment(headBytes), segmentBytes)
      headBytes += bytes?.length ?? 0
      if (bytes === undefined || bytes.length < segmentBytes) break
    }
    const tail = await this.#read(this.#tail(), tailBytes)
    const kept = tail?.length ?? 0
    return { headBytes, tailBytes: kept, totalBytes: headBytes + kept }
  }

  discard(): Promise<void> {
    return this.#workspace.discard(this.#directory)
  }

  async #read(
    file: ReturnType<Workspace['file']>,
    bytesMax: number,
  ): Promise<Uint8Array | undefined> {
    const read = await file.read(bytesMax)
    return read instanceof Uint8Array ? read : undefined
  }

  #segment(at: number): ReturnType<Workspace['file']> {
    return this.#workspace.file(this.#directory, `head-${Math.floor(at / segmentBytes)}`)
  }

  #tail(): ReturnType<Workspace['file']> {
    return this.#workspace.file(this.#directory, 'tail')
  }
}

const PREFIX = 'log-'

export function logDirectory(name: string): string {
  return `${PREFIX}${name}`
}

/** The attempt whose log it is; undefined for other directories. */
export function attemptOfLog(directory: string): string | undefined {
  return directory.startsWith(PREFIX) ? directory.slice(PREFIX.length) : undefined
}
