import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureBareQuorum } from '../../simulations/bench/quorum.ts'

test('a bare quorum of real processes commits one thing after another, each synced', async () => {
  const { commitMs, how } = await measureBareQuorum(3, { links: 5, chains: 3 })
  assert.ok(commitMs > 0.01, `${commitMs} ms for two legs and a sync`)
  assert.match(how, /^to [12] others, synced (in the loop|by a thread)$/)
})
