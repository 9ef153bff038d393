/** The body of a request, taken in within limits. Nothing is buffered beyond them. */
import type { IncomingMessage } from 'node:http'

export type ReadBody =
  | { outcome: 'whole'; bytes: Uint8Array }
  | { outcome: 'tooLarge' | 'overloaded' | 'gone' }

/** Bytes of all bodies that are being read. */
export class BodyBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    return true
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Leaves the rest unread when it is not `whole`. */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  budget: BodyBudget,
): Promise<ReadBody> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let bytes = 0
    const end = (result: ReadBody) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      request.on('error', () => {})
      budget.giveBack(bytes)
      bytes = 0
      resolve(result)
    }
    const onData = (piece: Buffer) => {
      if (bytes + piece.length > bytesMax) end({ outcome: 'tooLarge' })
      else if (!budget.take(piece.length)) end({ outcome: 'overloaded' })
      else {
        bytes += piece.length
        pieces.push(piece)
      }
    }
    const onEnd = () => {
      const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes)
      end({ outcome: 'whole', bytes: whole })
    }
    const onClose = () => end({ outcome: 'gone' })
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}

/** Swallows what is still being sent, for a while: closing at once would take the answer with it. */
export function linger(request: IncomingMessage, forMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve()
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, forMs)
    request.once('end', done).once('close', done).on('error', done).resume()
  })
}
