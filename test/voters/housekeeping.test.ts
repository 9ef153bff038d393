import assert from 'node:assert/strict'
import { test } from 'node:test'
import { housekeepingLimits } from '../../coordinator/autopilot/limits.ts'
import type { Appended, Watched } from '../../protocol/ledger/ledger.ts'
import { endOf, tables } from '../../protocol/ledger/rows.ts'
import { LEDGER_VERSION } from '../../protocol/ledger/state.ts'
import { type Bird, Flock } from './flock.ts'

async function opened(flock: Flock, bird: Bird, ttlMs: number): Promise<number> {
  let outcome: Appended | undefined
  const command = { kind: 'sessionOpen' as const, value: { ttlMs } }
  void bird.agent.ledger.append(command, { timeoutMs: 5_000 }).then((appended) => {
    outcome = appended
  })
  assert.ok(await flock.until(() => outcome !== undefined, 5_000))
  assert.ok(outcome?.kind === 'applied' && outcome.result.code === 'ok')
  return outcome.index
}

function sessionsAt(bird: Bird | undefined): number {
  assert.ok(bird)
  return [...bird.agent.ledger.state.rows.entries(tables.session, endOf(tables.session))].length
}

test('a session that nobody uses ends on every host, and one that may be idle longer does not', async () => {
  const flock = await Flock.of('sessions', 3, 3)
  const short = await opened(flock, flock.follower, 2_000)
  await opened(flock, flock.follower, 3_600_000)
  const heard: Watched[] = []
  for (const { agent } of flock.birds) {
    void (async () => {
      for await (const watched of agent.ledger.watch('now', new AbortController().signal))
        heard.push(watched)
    })()
  }
  await flock.world.runFor(2_000 + 2 * housekeepingLimits.everyMs)
  const ended = heard.flatMap((watched) =>
    watched.kind === 'event' && watched.event.change.kind === 'sessionClosed'
      ? [watched.event.change]
      : [],
  )
  const once = { kind: 'sessionClosed', session: short, expired: true }
  assert.deepEqual(ended, [once, once, once])
})

test('sessions end also under the next leader, whatever the clock of the one before said', async () => {
  const flock = await Flock.of('next', 3, 3)
  await opened(flock, flock.follower, 2_000)
  const first = flock.leader as Bird
  first.host.crash('kill')
  assert.ok(await flock.until(() => flock.leader !== undefined && flock.leader !== first, 20_000))
  assert.equal(sessionsAt(flock.leader), 1)
  const ended = () => sessionsAt(flock.leader) === 0
  assert.ok(await flock.until(ended, 2_000 + 2 * housekeepingLimits.everyMs))
})

test('at rest, nothing is proposed', async () => {
  const flock = await Flock.of('rest', 3, 3)
  const isAgreed = () => flock.leader?.agent.ledger.state.version === LEDGER_VERSION
  assert.ok(await flock.until(isAgreed, 10_000), 'a new mesh has agreed on the newest version')
  const before = flock.leader?.agent.ledger.state.index
  await flock.world.runFor(5 * housekeepingLimits.everyMs)
  assert.equal(flock.leader?.agent.ledger.state.index, before)
})

test('every host says which ledger version it understands, so that one can be agreed on', async () => {
  const flock = await Flock.of('versions', 4, 3)
  const said = () =>
    flock.leader?.agent.membership.members().map(({ digest }) => digest.ledger?.supports)
  const all = () => said()?.every((supports) => supports === LEDGER_VERSION) === true
  assert.ok(await flock.until(all, 10_000))
})
