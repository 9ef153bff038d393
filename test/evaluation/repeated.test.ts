/** Work that is done again on the same inputs takes as long as it did, and not as long as others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnQuantiles } from '../../models/baselines/own-quantiles.ts'
import { baselines } from '../../models/baselines/rules.ts'
import { Experience } from '../../models/features/experience.ts'
import { featureLimits } from '../../models/features/limits.ts'
import type { LivingLearner, Row } from '../../models/rows.ts'
import { TreeLearner } from '../../models/trees/learner.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { medianOff, row } from './stage.ts'

const RUNS = 5
/** More than are kept in mind of one task. */
const INPUTS = featureLimits.attemptsKept * 2

/** Each run goes through all inputs; how long each takes has nothing to do with its size. */
function runs(): Row[][] {
  const chance = new SeededEntropy('runs')
  const usualMs = Array.from({ length: INPUTS }, () => Math.exp(4 + 5 * chance.unit()))
  let atMs = 0
  return Array.from({ length: RUNS }, () =>
    usualMs.map((usual, i) => {
      const ms = usual * Math.exp(0.1 * (chance.unit() - 0.5))
      const made = row({ inputBytes: 1_000_000 + i, inputFiles: 1, startedMs: atMs, ms })
      atMs = made.endedMs
      return made
    }),
  )
}

test('what ran on the same inputs is known of all that a run is made of, long after', async () => {
  const all = runs()
  const [known, asked] = [all.slice(0, -1).flat(), all.at(-1) as Row[]]
  const off = (learner: LivingLearner) => medianOff(learner, known, asked)
  const ours = await off(new TreeLearner(new SeededEntropy('trees')))
  assert.ok(ours < 0.1, `${ours}`)
  for (const other of [...baselines(), new OwnQuantiles()]) {
    const theirs = await off(other)
    assert.ok(ours < theirs / 5, `${ours} beside ${theirs} of ${other.name}`)
  }
})

test('inputs are the same when as many bytes are in as many files for the same task', () => {
  const experience = new Experience()
  const of = { inputBytes: 10, inputFiles: 1 }
  experience.tell(row({ ...of, ms: 100 }))
  experience.tell(row({ ...of, ms: 300 }))
  const same = (over: Partial<Row>) => experience.consider(row({ ...of, ...over })).same
  assert.equal(same({})?.count, 2)
  assert.equal(Math.round(Math.exp(same({ host: 'another' })?.middle ?? 0)), 173)
  assert.equal(same({ inputBytes: 11 }), undefined)
  assert.equal(same({ inputFiles: 2 }), undefined)
  assert.equal(same({ task: 'another' }), undefined)
})

test('where nobody knows how large inputs are, none are the same', () => {
  const experience = new Experience()
  experience.tell(row())
  assert.equal(experience.consider(row()).same, undefined)
})

test('of the same inputs the latest count, and all of them are counted', () => {
  const experience = new Experience()
  const tell = (ms: number) => experience.tell(row({ inputBytes: 10, ms }))
  for (let i = 0; i < featureLimits.repeatsKept; i++) tell(1_000)
  for (let i = 0; i < featureLimits.repeatsKept; i++) tell(50)
  const same = experience.consider(row({ inputBytes: 10 })).same
  assert.equal(same?.count, 2 * featureLimits.repeatsKept)
  assert.equal(Math.round(Math.exp(same?.middle ?? 0)), 50)
  assert.equal(same?.spread, 0)
})
