/** Whole meshes under every fault that they must survive: some seeds always, some never seen before. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { runAll } from '../../simulations/sim/crew.ts'
import { linesOfFailure } from '../../simulations/sim/telling.ts'
import { runTrial, type TrialResult } from '../../simulations/sim/trial.ts'

/**
 * Of code that has not changed, fixed ones tell the same again: more of the time goes to fresh ones. A
 * seed that found something meets it no more once histories have changed, so what it found becomes a
 * test of its own: a voter that alone did not hear the leader and had it called dead by all is in
 * `test/membership/judgement.test.ts`, a state that was saved among the pieces of a leader's copy in
 * `test/voters/store.test.ts`, a connection that stayed silent one way in `test/world/agents.test.ts`.
 */
const FIXED_SEEDS = 10
const FRESH_SEEDS = 17
const NODES = 5
const MINUTES = 10
const trialOf = (seed: number) => ({ seed: String(seed), nodes: NODES, minutes: MINUTES })

async function allPass(seeds: readonly number[]): Promise<void> {
  const failed: string[] = []
  let passed = 0
  await runAll(seeds.map(trialOf), ({ seed, verdict }) => {
    if (verdict.kind === 'passed') passed++
    else failed.push(`skein sim replay ${seed}`, ...linesOfFailure(verdict))
    return true
  })
  assert.deepEqual(failed, [])
  assert.equal(passed, seeds.length)
}

test('the seeds that every version passes', () =>
  allPass(Array.from({ length: FIXED_SEEDS }, (_, i) => i + 1)))

test('seeds that nobody has seen before', async (t) => {
  const first = randomInt(1e9)
  t.diagnostic(`seeds ${first} to ${first + FRESH_SEEDS - 1}`)
  await allPass(Array.from({ length: FRESH_SEEDS }, (_, i) => first + i))
})

test('meshes of three and of seven pass as well', async () => {
  for (const nodes of [3, 7]) {
    const { verdict } = await runTrial({ seed: '1', nodes, minutes: 4 })
    assert.deepEqual(verdict, { kind: 'passed' })
  }
})

test('one seed is one history, in this thread and in another', async () => {
  const here = await runTrial({ seed: '77', nodes: NODES, minutes: 3 })
  const there: TrialResult[] = []
  await runAll([{ seed: '77', nodes: NODES, minutes: 3 }], (result) => there.push(result) > 0, 1)
  assert.equal(there[0]?.hash, here.hash)
  assert.deepEqual(there[0], here)
  const other = await runTrial({ seed: '78', nodes: NODES, minutes: 3 })
  assert.notEqual(other.hash, here.hash)
})

test('to watch a history does not change it', async () => {
  const unseen = await runTrial({ seed: '5', nodes: NODES, minutes: 3 })
  let lines = 0
  const watched = await runTrial(
    { seed: '5', nodes: NODES, minutes: 3 },
    { say: () => lines++, trace: () => lines++ },
  )
  assert.ok(lines > 1_000)
  assert.equal(watched.hash, unseen.hash)
})
