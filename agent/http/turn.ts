/**
 * One request and its answer on a connection. The handler hears through `signal` that nobody waits
 * any more; whoever writes the answer hears through `onBroken` that it cannot arrive.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

export class Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Set by whoever waits for the connection to take something; called at most once. */
  onBroken: () => void = () => {}
  broken = false
  /** Its answer is a stream, which has no end of its own. */
  streams = false
  readonly #unwanted = new AbortController()

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.response = response
  }

  get signal(): AbortSignal {
    return this.#unwanted.signal
  }

  /** The client hung on while its request came in, and has not been answered yet. */
  get arriving(): boolean {
    return !this.request.complete && !this.response.headersSent
  }

  /** Tells the handler to stop; what it has given so far is still written. */
  abandon(): void {
    this.#unwanted.abort()
  }

  break(): void {
    this.broken = true
    this.#unwanted.abort()
    this.onBroken()
  }
}
