/** What whoever leads looks after again and again, one look at a time, until its turn is over. */

import type { Leadership } from '../protocol/ledger/ledger.ts'
import type { Clock } from '../protocol/ports/clock.ts'
import type { Log } from '../protocol/ports/log.ts'
import { stackOf } from '../protocol/thrown.ts'

export interface LookedAfter {
  /** For the log, where a look fails; the next one comes all the same. */
  readonly what: string
  readonly everyMs: number
  look(over: AbortSignal): Promise<void>
}

export function lookAfter(
  ports: { clock: Clock; log: Log },
  { over }: Leadership,
  { what, everyMs, look }: LookedAfter,
): void {
  let busy = false
  const lookOnce = async () => {
    if (busy) return
    busy = true
    try {
      await look(over)
    } catch (error) {
      const why = stackOf(error)
      ports.log.error(`${what} is not looked after`, { why })
    } finally {
      busy = false
    }
  }
  const timer = ports.clock.every(everyMs, lookOnce)
  over.addEventListener('abort', () => timer.cancel(), { once: true })
}
