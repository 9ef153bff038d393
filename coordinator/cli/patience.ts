/** How long one call is waited for: until its deadline, if it has one, or until Ctrl-C. */
export class Patience {
  readonly #ending = new AbortController()
  readonly #interrupted: AbortSignal
  readonly #end = () => this.#ending.abort()
  readonly #deadline: NodeJS.Timeout
  readonly deadlineMs: number
  timedOut = false

  constructor(interrupted: AbortSignal, deadlineMs: number) {
    this.#interrupted = interrupted
    this.deadlineMs = deadlineMs
    this.#deadline = setTimeout(() => {
      this.timedOut = true
      this.#end()
    }, deadlineMs)
    if (interrupted.aborted) this.#end()
    else interrupted.addEventListener('abort', this.#end)
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  get interrupted(): boolean {
    return this.#interrupted.aborted
  }

  /** From now on only Ctrl-C ends it. */
  waitForEver(): void {
    clearTimeout(this.#deadline)
  }

  done(): void {
    clearTimeout(this.#deadline)
    this.#interrupted.removeEventListener('abort', this.#end)
  }
}
