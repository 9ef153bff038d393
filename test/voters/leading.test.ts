/** Turns at leading, as a module of the agent hears of them; and leaders that cannot keep up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fitnessLimits, ledgerLimits, ledgerTiming } from '../../agent/ledger/limits.ts'
import type { Leadership } from '../../protocol/ledger/ledger.ts'
import { mend, partition } from '../../simulations/world/faults.ts'
import { type Bird, Flock } from './flock.ts'

interface Turn {
  readonly bird: Bird
  readonly leadership: Leadership
  /** How far its host had applied the log when it was told. */
  readonly appliedThen: number
}

/** Everybody stands, and what they hear is kept in the order of hearing. */
function turnsOf(flock: Flock): Turn[] {
  const turns: Turn[] = []
  for (const bird of flock.birds)
    bird.agent.ledger.lead((leadership) => {
      turns.push({ bird, leadership, appliedThen: bird.agent.ledger.state.index })
    })
  return turns
}

const isOver = ({ leadership }: Turn) => leadership.over.aborted

async function told(flock: Flock, turns: Turn[], count: number): Promise<Turn> {
  assert.ok(await flock.until(() => turns.length >= count, 30_000), `turn ${count} is told`)
  return turns[count - 1] as Turn
}

test('a turn begins when all that was committed before is applied, and ends before the next', async () => {
  const flock = await Flock.of('succession', 3, 3)
  const turns = turnsOf(flock)
  const first = await told(flock, turns, 1)
  assert.ok(first.bird === flock.leader)
  assert.ok(first.leadership.holds())
  await flock.put(first.bird, 'before')
  const heir = flock.follower
  assert.ok(first.bird.agent.ledger.transfer(heir.host.id)?.ok)
  const second = await told(flock, turns, 2)
  assert.ok(second.bird === heir)
  assert.ok(isOver(first) && !first.leadership.holds())
  assert.ok(second.leadership.term > first.leadership.term)
  assert.ok(second.appliedThen >= second.leadership.index)
  const before = second.bird.agent.ledger.read(
    { kind: 'kvGet', namespace: 'test', key: 'before' },
    { consistency: 'local', timeoutMs: 0 },
  )
  const outcome = await before
  assert.ok(outcome.kind === 'read' && outcome.value)
})

test('a leader that is cut off hears that its turn is over, and the next has a higher term', async () => {
  const flock = await Flock.of('cut off', 3, 3)
  const turns = turnsOf(flock)
  const { bird, leadership } = await told(flock, turns, 1)
  const others = flock.birds.filter((other) => other !== bird)
  const hosts = others.map(({ host }) => host)
  partition(flock.world, [bird.host], hosts)
  const { electionMs } = ledgerTiming
  assert.ok(await flock.until(() => leadership.over.aborted, 2 * electionMs))
  assert.ok(!leadership.holds())
  const next = await told(flock, turns, 2)
  assert.ok(others.includes(next.bird) && next.leadership.term > leadership.term)
  mend(flock.world, [bird.host], hosts)
  await flock.world.runFor(20_000)
  assert.ok(leadership.over.aborted, 'a turn that is over does not come back')
})

test('a leader that was paused knows, before anybody tells it, that its turn may be over', async () => {
  const flock = await Flock.of('paused', 3, 3)
  const turns = turnsOf(flock)
  const { bird, leadership } = await told(flock, turns, 1)
  bird.host.pause()
  await flock.world.runFor(2 * ledgerTiming.electionMs)
  assert.ok(!leadership.over.aborted, 'it could not be told')
  assert.ok(!leadership.holds())
  bird.host.resume()
  assert.ok(await flock.until(() => leadership.over.aborted, 1_000))
})

test('a turn that a handover interrupts in vain is followed by another', async () => {
  const flock = await Flock.of('in vain', 3, 3)
  const turns = turnsOf(flock)
  const { bird, leadership } = await told(flock, turns, 1)
  const heir = flock.follower
  heir.host.pause()
  assert.ok(bird.agent.ledger.transfer(heir.host.id)?.ok)
  assert.ok(await flock.until(() => leadership.over.aborted, 1_000))
  const second = await told(flock, turns, 2)
  assert.ok(second.leadership.term >= leadership.term && second.leadership.holds())
})

test('who withdraws hears no more, and who stands late hears of the turn under way', async () => {
  const flock = await Flock.of('late', 3, 3)
  const leader = flock.leader as Bird
  const heard: Leadership[] = []
  const candidacy = leader.agent.ledger.lead((leadership) => heard.push(leadership))
  assert.ok(await flock.until(() => heard.length === 1, 1_000))
  candidacy.withdraw()
  assert.ok(heard[0]?.over.aborted && !heard[0].holds())
  assert.ok(flock.leader === leader, 'the host leads on')
  assert.ok(leader.agent.ledger.transfer(flock.follower.host.id)?.ok)
  assert.ok(await flock.until(() => flock.leader !== leader, 10_000))
  await flock.world.runFor(5_000)
  assert.equal(heard.length, 1)
})

test('a ledger that is stopped by hand ends its turn, and begins another life without one', async () => {
  const flock = await Flock.of('by hand', 3, 3)
  const turns = turnsOf(flock)
  const { bird, leadership } = await told(flock, turns, 1)
  void bird.agent.modules.stop('ledger')
  const next = await told(flock, turns, 2)
  assert.ok(leadership.over.aborted && next.bird !== bird)
  void bird.agent.modules.start('ledger')
  assert.ok(await flock.until(() => flock.isLevel(3), 20_000))
  assert.ok((await flock.put(bird, 'afterwards'))?.kind === 'applied')
})

// ── Leaders that cannot keep up ─────────────────────────────────────────────────────────────────

/** From now on a write takes this disk a minute; what it was given before, a little longer. */
function stall({ host }: Bird): void {
  host.platter.options = { ...host.platter.options, syncMs: 60_000, spikeShare: 0 }
}

const STALL_SEEN_MS = fitnessLimits.diskStallMs + 2_000
const LAG_SEEN_MS = fitnessLimits.laggingLooks * ledgerLimits.fitnessLookMs

test('a leader whose disk stalls hands over to a voter whose disk does not', async () => {
  const flock = await Flock.of('stalled', 3, 3)
  const leader = flock.leader as Bird
  stall(leader)
  const { follower } = flock
  void flock.ask(follower, 'while it stalls', 3_000)
  assert.ok(await flock.until(() => flock.leader !== leader, STALL_SEEN_MS))
  assert.equal((await flock.put(follower, 'afterwards'))?.kind, 'applied')
})

test('a leader whose disk stalls like all others stays: another would do no better', async () => {
  const flock = await Flock.of('all stalled', 3, 3)
  const leader = flock.leader as Bird
  const term = leader.agent.ledger.status()?.term
  for (const bird of flock.birds) stall(bird)
  void flock.ask(leader, 'while all stall', 5_000)
  await flock.world.runFor(10_000)
  assert.ok(flock.leader === leader)
  assert.equal(leader.agent.ledger.status()?.term, term)
})

test('a leader whose event loop is late for long hands over to one whose loop is not', async () => {
  const flock = await Flock.of('late loop', 3, 3)
  const leader = flock.leader as Bird
  leader.loopLagMs = 2 * fitnessLimits.loopLagMsMax
  assert.ok(await flock.until(() => flock.leader !== leader, 2 * LAG_SEEN_MS))
})

test('a leader that is late for a moment, or no later than the others, stays', async () => {
  const flock = await Flock.of('busy', 3, 3)
  const leader = flock.leader as Bird
  leader.loopLagMs = 2 * fitnessLimits.loopLagMsMax
  await flock.world.runFor(LAG_SEEN_MS / 2)
  leader.loopLagMs = 0
  await flock.world.runFor(2 * LAG_SEEN_MS)
  assert.ok(flock.leader === leader)
  for (const bird of flock.birds) bird.loopLagMs = 2 * fitnessLimits.loopLagMsMax
  await flock.world.runFor(2 * LAG_SEEN_MS)
  assert.ok(flock.leader === leader)
})

test('a voter whose disk fails tells another to stand, and is followed at once', async () => {
  const flock = await Flock.of('broken', 3, 3)
  const leader = flock.leader as Bird
  leader.host.platter.fault = 'full'
  const { follower } = flock
  void flock.ask(follower, 'lost or not', 1_000)
  const followed = () => flock.leader !== undefined && flock.leader !== leader
  assert.ok(await flock.until(followed, 1_000))
})
