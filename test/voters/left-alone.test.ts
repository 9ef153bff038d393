/** A host without a vote, when all voters are gone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import { Flock } from './flock.ts'

test('a host that only learns refuses when no voter is left, says why, and forgets who led', async () => {
  const flock = await Flock.of('left alone', 4, 3)
  const voters = flock.voters
  const learner = flock.birds.find((bird) => !voters.includes(bird))
  assert.ok(learner)
  for (const { host } of voters) host.crash('kill')
  // It has heard the leader just now; and nothing that has not left it can have been proposed.
  for (const waitMs of [100, 2 * ledgerTiming.electionMs]) {
    await flock.world.runFor(waitMs)
    assert.deepEqual(await flock.put(learner, `after ${waitMs} ms`, 2_000), {
      kind: 'refused',
      why: 'noQuorum',
      reachable: 0,
      needed: 2,
    })
  }
  assert.equal(learner.agent.ledger.leader, undefined)
})
