/**
 * What people wish of rounds: so many, or no more of them. It goes into the ledger in their name, and
 * whoever leads does it. Of two who wish at once one is told that the other was first; a wish that is
 * said again, because its answer was lost, counts once.
 */
import type { Agent } from '../../agent/agent.ts'
import { awaitedIn } from '../learning/rounds/due.ts'
import { type Rounds, roundsIn } from '../learning/rounds/rows.ts'
import { isStop, putWish, type Wish } from '../learning/rounds/wish.ts'
import { freshState } from '../runs/fresh.ts'
import { applied } from './appending.ts'
import type { Request } from './dispatch.ts'
import { refuseWhileStopped } from './estop-handlers.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type Wished = Request<'askForRounds'> | Request<'stopRounds'>

/** A leader looks twice a second, and writes once more. */
const stopMs = 6_000
const lookMs = 100
const look = 'skein federate status shows how far they are'

export async function askForRounds(
  agent: Agent,
  it: Request<'askForRounds'>,
): Promise<RouteResponse<'askForRounds'>> {
  refuseWhileStopped(agent)
  const rounds = roundsIn((await freshState(agent, it.signal)).state)
  const { count } = it.body
  const before = saidBefore(rounds, it, count)
  if (before !== undefined)
    return { schemaVersion: SCHEMA_VERSION, after: before.after ?? 0, count }
  assertSeen(rounds, it)
  if (awaitedIn(rounds) > 0) {
    const why = `${awaitedIn(rounds)} more rounds are to come already, for ${rounds.wish?.by}`
    throw new ApiRefusal('conflict', why, look)
  }
  if (isBeingStopped(rounds)) {
    const why = `the round that is under way is about to end, for ${rounds.wish?.by}`
    throw new ApiRefusal('conflict', why, 'ask again in a moment')
  }
  // One that is open was begun before.
  const after = rounds.tally.number
  await wish(agent, it, rounds, { count, after })
  return { schemaVersion: SCHEMA_VERSION, after, count }
}

export async function stopRounds(
  agent: Agent,
  it: Request<'stopRounds'>,
): Promise<RouteResponse<'stopRounds'>> {
  const rounds = roundsIn((await freshState(agent, it.signal)).state)
  const { last, settings } = rounds
  const awaited = awaitedIn(rounds)
  const isOpen = last?.state === 'open'
  if (saidBefore(rounds, it, 0) === undefined) {
    assertSeen(rounds, it)
    if (awaited === 0 && !isOpen) {
      const why = 'no round is under way, and none is to come'
      throw new ApiRefusal('notFound', why, look)
    }
    const { reason } = it.body
    await wish(agent, it, rounds, { count: 0, ...(reason === undefined ? {} : { reason }) })
  }
  const { everyMs } = settings
  const round = isOpen ? { round: last.number } : {}
  return { schemaVersion: SCHEMA_VERSION, awaited, ...round, done: await ended(agent, it), everyMs }
}

/** Only if nobody has wished anything since. */
async function wish(
  agent: Agent,
  it: Wished,
  { wish: before, wishRevision }: Rounds,
  what: Pick<Wish, 'count' | 'reason' | 'after'>,
): Promise<void> {
  const { clock } = agent.ports
  // A wish is told from the one before by its time, whatever the calendar does.
  const atMs = Math.max(clock.wall(), (before?.atMs ?? 0) + 1)
  const own = { ...what, by: it.caller.name, atMs, seen: wishRevision }
  const { code } = await applied(agent, putWish(own, wishRevision), it.signal, it.trail)
  if (code === 'ok') return
  // An answer that was lost on its way through the mesh: what stands there is this very wish.
  const now = roundsIn((await freshState(agent, it.signal)).state).wish
  if (now?.atMs === atMs && now.by === own.by && now.count === own.count) return
  throw overtaken(now)
}

/** The wish that stands there, if it is this one, said for the second time. */
function saidBefore({ wish: now }: Rounds, { body, caller }: Wished, count: number) {
  const isSame = now?.by === caller.name && now.count === count && now.seen === body.seen
  return body.seen !== undefined && isSame ? now : undefined
}

function assertSeen({ wish: now, wishRevision }: Rounds, { body: { seen } }: Wished): void {
  if (seen !== undefined && seen !== wishRevision) throw overtaken(now)
}

function overtaken(now: Wish | undefined): ApiRefusal {
  const did = now !== undefined && isStop(now) ? 'has stopped rounds' : 'has asked for rounds'
  const why = `${now?.by ?? 'somebody'} ${did} meanwhile`
  return new ApiRefusal('conflict', why, `${look}; then ask again`)
}

function isBeingStopped({ wish: now, tally, last }: Rounds): boolean {
  return now !== undefined && isStop(now) && now.atMs !== tally.wishMs && last?.state === 'open'
}

/** When whoever leads has ended it; false where nobody did in time. */
async function ended(agent: Agent, { signal }: Wished): Promise<boolean> {
  const { clock } = agent.ports
  const untilMs = clock.now() + stopMs
  while (clock.now() < untilMs && !signal.aborted) {
    const { wish: now, tally, last } = roundsIn(agent.ledger.state)
    if (now === undefined || !isStop(now)) return true
    if (now.atMs === tally.wishMs && last?.state !== 'open') return true
    await new Promise<void>((resolve) => clock.after(lookMs, resolve))
  }
  return false
}
