/** The network beside rules, on histories whose truth is known. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { OwnQuantiles } from '../../models/baselines/own-quantiles.ts'
import { baselines } from '../../models/baselines/rules.ts'
import { answersOf, questionOf } from '../../models/evaluation/ask.ts'
import { NetLearner } from '../../models/nets/learner.ts'
import { Scale } from '../../models/nets/scale.ts'
import type { LivingLearner, Row } from '../../models/rows.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { medianOff, rooted, row } from './stage.ts'

const engine = new ProcessEngine()
after(() => engine.close())

const network = (seed = 'network') => new NetLearner(engine, new SeededEntropy(seed))

test('a network learns what no rule says: hosts, and how time goes with size', async () => {
  const rows = rooted(1_500, 'rooted')
  const [known, asked] = [rows.slice(0, 1_000), rows.slice(1_000)]
  const off = (learner: LivingLearner) => medianOff(learner, known, asked)
  const ours = await off(network())
  for (const rule of [...baselines(), new OwnQuantiles()]) {
    const theirs = await off(rule)
    assert.ok(ours < theirs / 2, `${ours} beside ${theirs} of ${rule.name}`)
  }
})

test('it is asked of what begins now as soon as it is told what has ended', async () => {
  const rows = rooted(400, 'living')
  const [known, held] = [rows.slice(0, 300), rows.slice(300)]
  const living = await network().fit(known)
  const once = await answersOf(living, held, 'once')
  const later = await answersOf(living, held, 'living')
  assert.ok(once.every((range) => range && range.p10 <= range.p50 && range.p50 <= range.p90))
  assert.ok(later.every((range) => range !== undefined))
  assert.notDeepEqual(once, later)
})

test('the same rows and seed give the same network, and too few rows none', async () => {
  const rows = rooted(120, 'same')
  const asked = questionOf(row({ inputBytes: 5_000, host: 'slow' }))
  const ranges = async (seed: string, of: readonly Row[]) => {
    const [range] = await (await network(seed).fit(of)).predict([asked])
    return range
  }
  assert.deepEqual(await ranges('1', rows), await ranges('1', rows))
  assert.notDeepEqual(await ranges('1', rows), await ranges('2', rows))
  assert.equal(await ranges('1', rows.slice(0, 20)), undefined)
})

test('of what there is no ground to speak of, nothing is said, and of the rest something', async () => {
  const living = await network().fit(rooted(200, 'ground'))
  const unknown = questionOf(row({ task: 'never', group: 'seen' }))
  const known = questionOf(row({ inputBytes: 100 }))
  const [first, second, third] = await living.predict([unknown, known, unknown])
  assert.ok(first === undefined && second !== undefined && third === undefined)
  assert.deepEqual(await living.predict([]), [])
})

test('features come to one size, what never differs to nothing, and what is far out no further', () => {
  const rows = [
    [1, 5, 0.1],
    [3, 5, 0.1],
  ].map((values) => new Float32Array(values))
  const scale = new Scale(rows)
  assert.deepEqual([...scale.applied(rows)], [-1, 0, 0, 1, 0, 0])
  assert.deepEqual([...scale.applied([new Float32Array([1e9, 7, 0.2])])], [2, 0, 0])
  assert.deepEqual([...scale.applied([])], [])
})
