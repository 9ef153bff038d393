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
  while (!signal.aborted) {
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
      await standing.changed(signal)
    }
  }
}
