/** What changes, in order and without a gap, for as long as somebody listens. */
import { type Cursor, cursorAfterIndex } from '../../protocol/ledger/events.ts'
import type { Watched } from '../../protocol/ledger/ledger.ts'
import type { Standing } from './standing.ts'

export async function* watched(
  standing: Standing,
  from: Cursor | 'now',
  signal: AbortSignal,
): AsyncIterable<Watched> {
  let cursor = from === 'now' ? cursorAfterIndex(standing.state.index) : from
  const changes = new Changes(standing, signal)
  try {
    while (!signal.aborted) {
      changes.seen()
      if (standing.stopReason) {
        yield { kind: 'stopped', because: standing.stopReason }
        return
      }
      const resumed = standing.replica.resume(cursor)
      if (resumed.kind === 'gap') {
        cursor = cursorAfterIndex(resumed.readAt)
        yield resumed
      } else if (resumed.kind === 'events' && resumed.events.length > 0) {
        for (const event of resumed.events) yield { kind: 'event', event }
        cursor = resumed.next
      } else {
        if (resumed.kind === 'events') cursor = resumed.next
        await changes.next()
      }
    }
  } finally {
    changes.end()
  }
}

/** That the copy has moved, for one who looks at it again and again: heard from one end to the other. */
class Changes {
  private readonly signal: AbortSignal
  private readonly unfollow: () => void
  private isNews = false
  private wake: (() => void) | undefined

  constructor(standing: Standing, signal: AbortSignal) {
    this.signal = signal
    this.unfollow = standing.follow(this.tell)
    if (signal.aborted) this.end()
    else signal.addEventListener('abort', this.end)
  }

  /** The copy is about to be looked at, as it is now. */
  seen(): void {
    this.isNews = false
  }

  /** Resolves when it has moved since it was seen, or when there is nobody left to look at it. */
  next(): Promise<void> {
    if (this.isNews || this.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  readonly end = (): void => {
    this.unfollow()
    this.signal.removeEventListener('abort', this.end)
    this.tell()
  }

  private readonly tell = (): void => {
    this.isNews = true
    this.wake?.()
    this.wake = undefined
  }
}
