/** Replicas compare themselves: who holds something else stops, and nobody takes it over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setAside } from '../../agent/consensus/aside.ts'
import { ledgerLimits } from '../../agent/ledger/limits.ts'
import { autopilotLimits } from '../../coordinator/autopilot/limits.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { type Bird, Flock, moduleState } from './flock.ts'

const SOON_MS = 15_000

const hasStopped = ({ agent }: Bird) => agent.ledger.stopped?.kind === 'diverged'
const digestIn = (bird: Bird | undefined) => bird && digestOf(bird.agent.ledger.state)

async function appended(flock: Flock, through: Bird, key: string): Promise<void> {
  assert.equal((await flock.put(through, key))?.kind, 'applied', `${key} is applied`)
}

test('a follower whose state differs stops and says so, and the others go on', async () => {
  const flock = await Flock.of('follower', 3, 3)
  const { follower } = flock
  const others = flock.birds.filter((bird) => bird !== follower)
  flock.flipBit(follower)
  await appended(flock, others[0] as Bird, 'a')
  assert.ok(await flock.until(() => hasStopped(follower), SOON_MS))
  assert.equal(moduleState(follower, 'ledger'), 'failed')
  const told = follower.agent.journal.past(0, 1_000)
  assert.ok(told.some(({ kind }) => kind === 'ledger.diverged'))
  const read = follower.agent.ledger.read(
    { kind: 'status' },
    { consistency: 'local', timeoutMs: 0 },
  )
  const refused = await read
  assert.ok(refused.kind === 'refused' && refused.why === 'stopped')
  for (const bird of others) await appended(flock, bird, `c ${bird.host.name}`)
  assert.ok(!others.some(hasStopped))
})

test('a leader whose state differs stops, another leads, and what it held is nowhere else', async () => {
  const flock = await Flock.of('leader', 3, 3)
  const wrong = flock.leader as Bird
  const others = flock.birds.filter((bird) => bird !== wrong)
  flock.flipBit(wrong)
  assert.ok(await flock.put(wrong, 'a'))
  assert.ok(await flock.until(() => hasStopped(wrong), SOON_MS))
  assert.ok(await flock.until(() => flock.leader !== undefined && flock.leader !== wrong, SOON_MS))
  for (const bird of others) await appended(flock, bird, `b ${bird.host.name}`)
  assert.ok(!others.some(hasStopped))
  assert.ok(await flock.until(() => digestIn(others[0]) === digestIn(others[1]), SOON_MS))
  assert.notEqual(digestIn(wrong), digestIn(others[0]))
})

test('one that has diverged stays stopped after a restart, until its ledger is reset', async () => {
  const flock = await Flock.of('restart', 3, 3)
  const { follower } = flock
  flock.flipBit(follower)
  await appended(flock, flock.leader as Bird, 'a')
  assert.ok(await flock.until(() => hasStopped(follower), SOON_MS))
  await flock.world.runFor(1_000)
  follower.host.crash('powerLoss')
  follower.host.restart()
  await flock.world.runFor(20_000)
  assert.ok(hasStopped(follower))
  assert.equal(follower.agent.ledger.status(), undefined, 'there is no voter')
  await follower.agent.modules.stop('ledger')
  let reset = false
  void setAside(follower.agent.ports.disk, { why: 'reset', wallMs: 0 }).then(() => {
    reset = true
  })
  assert.ok(await flock.until(() => reset, SOON_MS))
  void follower.agent.modules.start('ledger')
  const isBack = () =>
    flock.isLevel(3) && flock.leader?.agent.ledger.status()?.config.learners.length === 0
  assert.ok(await flock.until(isBack, 60_000), 'and then it learns it all again, and votes')
  assert.ok(flock.voters.includes(follower))
  await appended(flock, follower, 'b')
})

test('where no majority holds one state, all stop and nothing is appended', async () => {
  const flock = await Flock.of('all', 3, 3)
  const [, second, third] = flock.birds as [Bird, Bird, Bird]
  flock.flipBit(second)
  flock.flipBit(third, 1)
  await flock.put(flock.leader as Bird, 'a')
  const all = () => flock.birds.every(hasStopped)
  assert.ok(await flock.until(all, SOON_MS + ledgerLimits.hungMsMax))
  const refused = await flock.put(flock.birds[0] as Bird, 'b')
  assert.ok(refused?.kind === 'refused')
})

test('of two voters that differ while the third is silent, neither goes on for long', async () => {
  const flock = await Flock.of('silent', 3, 3)
  const leader = flock.leader as Bird
  const { follower } = flock
  const silent = flock.birds.find((bird) => bird !== leader && bird !== follower) as Bird
  silent.host.crash('kill')
  flock.flipBit(follower)
  await flock.put(leader, 'a')
  await flock.world.runFor(ledgerLimits.hungMsMax / 2)
  assert.ok(!hasStopped(leader), 'it waits for the word of the third')
  const refused = await flock.put(leader, 'b')
  assert.ok(refused?.kind === 'refused' && refused.why === 'overloaded', 'and appends nothing')
  const both = () => hasStopped(leader) && hasStopped(follower)
  assert.ok(await flock.until(both, SOON_MS + ledgerLimits.hungMsMax))
})

test('a learner whose state differs stops alone: it is believed by no voter', async () => {
  const flock = await Flock.of('learner', 4, 3)
  const learner = flock.birds.find((bird) => !flock.voters.includes(bird)) as Bird
  flock.flipBit(learner)
  await appended(flock, flock.leader as Bird, 'a')
  assert.ok(await flock.until(() => hasStopped(learner), SOON_MS))
  await flock.world.runFor(2 * ledgerLimits.hungMsMax)
  assert.ok(flock.birds.every((bird) => hasStopped(bird) === (bird === learner)))
  await appended(flock, flock.leader as Bird, 'b')
})

test('a voter that has diverged gives its vote to a learner that has not', async () => {
  const flock = await Flock.of('heir', 4, 3)
  const { follower } = flock
  flock.flipBit(follower)
  await appended(flock, flock.leader as Bird, 'a')
  const replaced = () => flock.voters.length === 3 && !flock.voters.includes(follower)
  assert.ok(await flock.until(replaced, SOON_MS + 2 * autopilotLimits.goneMs))
})

test('replicas that hold the same are left alone, whatever restarts among them', async () => {
  const flock = await Flock.of('calm', 3, 3)
  for (const [i, bird] of flock.birds.entries()) {
    await appended(flock, bird, `key ${i}`)
    bird.host.crash('powerLoss')
    bird.host.restart()
    await flock.world.runFor(15_000)
  }
  assert.ok(!flock.birds.some(hasStopped))
  assert.ok(flock.isLevel(3))
})
