/** The journal of this agent, read from any event on and followed for as long as somebody listens. */
import type { Agent } from '../../agent/agent.ts'
import type { Journal, JournalEvent } from '../../agent/journal/journal.ts'
import type { Handlers } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { ReadQuery } from './routes.ts'

/** Events that wait for a slow follower. When full, it is cut off and comes back by `since`. */
const FOLLOWER_QUEUE_MAX = 1_000

type EventsQuery = ReadQuery<'events'>

export function eventHandlers({ journal }: Agent): Pick<Handlers, 'events'> {
  return {
    events: ({ query, signal }) => {
      const newest = journal.newestSeq()
      if (query.since !== undefined && query.since > newest) {
        const why = `the last event of this agent is ${newest}, and ${query.since} is not one of its own`
        throw new ApiRefusal('conflict', why, 'leave since out to begin with what this agent knows')
      }
      return eventsAfter(journal, query, signal)
    },
  }
}

async function* eventsAfter(
  journal: Journal,
  query: EventsQuery,
  signal: AbortSignal,
): AsyncIterable<JournalEvent> {
  const queue: JournalEvent[] = []
  let wake = () => {}
  let overflowed = false
  const unfollow = journal.follow((event) => {
    if (queue.length < FOLLOWER_QUEUE_MAX) queue.push(event)
    else overflowed = true
    wake()
  })
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  try {
    yield* journal.past(query.since ?? 0, query.last)
    while (query.follow && !signal.aborted && !overflowed) {
      const next = queue.shift()
      if (next) yield next
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    if (overflowed) {
      const why = `this follower was more than ${FOLLOWER_QUEUE_MAX} events behind`
      throw new ApiRefusal('overloaded', why, 'come back with since and the last seq you saw')
    }
  } finally {
    unfollow()
    signal.removeEventListener('abort', onAbort)
  }
}
