/**
 * What people wish of rounds: so many, or no more of them. It goes into the ledger in their name, and
 * whoever leads does it. Of two who wish at once one is told that the other was first; a wish that is
 * said again, because its answer was lost, counts once.
 */
import type { Agent } from '../../agent/agent.ts'
import { awaitedIn } from '../learning/rounds/due.ts'
import { isHeard, type Round, type Rounds, roundsIn } from '../learning/rounds/rows.ts'
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
  const { count, family } = it.body
  const chosen = family ?? rounds.settings.family
  if (chosen === 'trees' && rounds.settings.noise > 0) throw noisyTrees()
  const before = saidBefore(rounds, it, count)
  if (before !== undefined)
    return { schemaVersion: SCHEMA_VERSION, after: before.after ?? 0, count }
  assertSeen(rounds, it)
  if (awaitedIn(rounds) > 0) {
    const why = `${awaitedIn(rounds)} more rounds are to come already, for ${rounds.wish?.by}`
    throw new ApiRefusal('conflict', why, look)
  }
  if (isBeingStopped(rounds)) {
    const why = `what was asked for before is about to end, for ${rounds.wish?.by}`
    throw new ApiRefusal('conflict', why, 'ask again in a moment')
  }
  // One that is open was begun before.
  const after = rounds.tally.number
  await wish(agent, it, rounds, { count, after, ...(family === undefined ? {} : { family }) })
  return { schemaVersion: SCHEMA_VERSION, after, count }
}

export async function stopRounds(
  agent: Agent,
  it: Request<'stopRounds'>,
): Promise<RouteResponse<'stopRounds'>> {
  const rounds = roundsIn((await freshState(agent, it.signal)).state)
  const { last, settings, tally } = rounds
  const said = saidBefore(rounds, it, 0)
  const awaited = said?.awaited ?? awaitedIn(rounds)
  const isOpen = last?.state === 'open'
  // The one that may be broken off by it, or end before.
  const after = said === undefined ? tally.number - Number(isOpen) : (said.after ?? tally.number)
  if (said === undefined) {
    assertSeen(rounds, it)
    if (awaited === 0 && !isOpen) {
      const why = 'no round is under way, and none is to come'
      throw new ApiRefusal('notFound', why, look)
    }
    const { reason } = it.body
    const why = reason === undefined ? {} : { reason }
    await wish(agent, it, rounds, { count: 0, after, awaited, ...why })
  }
  const { everyMs } = settings
  const done = await ended(agent, it)
  return { schemaVersion: SCHEMA_VERSION, awaited, ...lastAfter(agent, after), done, everyMs }
}

/** The round that was under way when it was wished, or was begun before it was heard, as it is by now. */
function lastAfter(agent: Agent, after: number): { round?: number; state?: Round['state'] } {
  const { last } = roundsIn(agent.ledger.state)
  if (last === undefined || last.number <= after) return {}
  return { round: last.number, state: last.state }
}

/** Only if nobody has wished anything since. */
async function wish(
  agent: Agent,
  it: Wished,
  { wishRevision }: Rounds,
  what: Pick<Wish, 'count' | 'reason' | 'after' | 'awaited' | 'family'>,
): Promise<void> {
  const { clock } = agent.ports
  const atMs = clock.wall()
  const own = { ...what, by: it.caller.name, atMs, seen: wishRevision }
  const { code } = await applied(agent, putWish(own, wishRevision), it.signal, it.trail)
  if (code === 'ok') return
  // An answer that was lost on its way through the mesh: what stands there is this very wish.
  const now = roundsIn((await freshState(agent, it.signal)).state).wish
  const isOwn = now?.seen === own.seen && now.atMs === atMs && now.by === own.by
  if (isOwn && now.count === own.count) return
  throw overtaken(now)
}

/** The wish that stands there, if it is this one, said for the second time. */
function saidBefore({ wish: now }: Rounds, { body, caller }: Wished, count: number) {
  const ofFamily = 'family' in body ? body.family : undefined
  const isSame =
    now?.by === caller.name &&
    now.count === count &&
    now.seen === body.seen &&
    now.family === ofFamily
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

/** Whoever leads may be about to begin one that it has to end again. */
function isBeingStopped(rounds: Rounds): boolean {
  const { wish: now } = rounds
  return now !== undefined && isStop(now) && !isHeard(rounds)
}

/** What is counted for trees has none, and would show what it hides. */
export function noisyTrees(): ApiRefusal {
  const why = 'rounds are either with noise or of trees: what is counted for trees has none'
  const fix = 'skein federate config --noise 0 has rounds without noise, --family net without trees'
  return new ApiRefusal('conflict', why, fix)
}

/** When whoever leads has ended it; false where nobody did in time. */
async function ended(agent: Agent, { signal }: Wished): Promise<boolean> {
  const { clock } = agent.ports
  const untilMs = clock.now() + stopMs
  while (clock.now() < untilMs && !signal.aborted) {
    const rounds = roundsIn(agent.ledger.state)
    const { wish: now, last } = rounds
    if (now === undefined || !isStop(now)) return true
    if (isHeard(rounds) && last?.state !== 'open') return true
    await new Promise<void>((resolve) => clock.after(lookMs, resolve))
  }
  return false
}
