/** What every command is given: the agent to ask, the terminal to talk to, and how to say it. */
import type { Client } from './client.ts'
import type { Io } from './io.ts'

export interface Context {
  client: Client
  io: Io
  json: boolean
  quiet: boolean
  /** Whatever would be asked is answered already. */
  yes: boolean
  /** As it was given with `--address`. */
  address: string | undefined
  /** The flags that say who asks, as they were given, to be said again. */
  who?: string
  /** Aborted by Ctrl-C. */
  interrupted: AbortSignal
}

/** One document, for programs. */
export function document(context: Context, value: unknown): void {
  context.io.out(`${JSON.stringify(value)}\n`)
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
