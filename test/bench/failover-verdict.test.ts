import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BeforeKill, judgedAfter, placesIn } from '../../simulations/bench/failover-verdict.ts'
import { detailOf, lost, ok, stageOf } from './run-of.ts'

/** `a` runs on the agent that is killed at 1,000 and gone at 1,005, `b` elsewhere. */
const before: BeforeKill = {
  places: new Map([
    ['a', 'n1'],
    ['b', 'n2'],
  ]),
  victim: 'n1',
  killedMs: 1_000,
  goneMs: 1_005,
}

const moved = stageOf('a', lost('n1', 500, 1_400), ok('n3', 1_400, 2_000))
const stayed = stageOf('b', ok('n2', 500, 2_000))

test('stages in flight are those that an agent has, and no others', () => {
  const detail = detailOf(
    { ...stageOf('a', ok('n1', 0, 1)), state: 'assigned', nodeName: 'n1' },
    { ...stageOf('b', ok('n2', 0, 1)), nodeName: 'n2' },
  )
  assert.deepEqual(placesIn(detail), new Map([['a', 'n1']]))
})

test('what went well is found to have gone well', () => {
  const ticks = detailOf(stageOf('t', ok('n2', 1_300, 1_350)))
  assert.deepEqual(judgedAfter(before, detailOf(moved, stayed), [ticks]), {
    dispatchMs: 300,
    elsewhereMs: 400,
    onVictim: 1,
    restarted: 0,
    lost: 0,
    doubled: 0,
  })
})

test('what the killed agent has still assigned itself is no dispatch after it', () => {
  const ticks = detailOf(stageOf('t', ok('n2', 1_004, 1_050)))
  assert.equal(judgedAfter(before, detailOf(moved, stayed), [ticks]).dispatchMs, 400)
})

test('a stage whose agent lived and that was tried again is told', () => {
  const again = stageOf('b', lost('n2', 500, 1_200), ok('n2', 1_200, 2_000))
  assert.equal(judgedAfter(before, detailOf(moved, again), []).restarted, 1)
})

test('a stage that never moved is not elsewhere, however long one waits', () => {
  const back = stageOf('a', lost('n1', 500, 1_400), ok('n1', 1_400, 2_000))
  const { elsewhereMs } = judgedAfter(before, detailOf(back, stayed), [])
  assert.equal(elsewhereMs, Number.POSITIVE_INFINITY)
})

test('a stage without a success is lost, and one with two is doubled', () => {
  const never = stageOf('a', lost('n1', 500, 1_400))
  const twice = stageOf('b', ok('n2', 500, 900), ok('n3', 1_400, 2_000))
  const { lost: lostStages, doubled } = judgedAfter(before, detailOf(never, twice), [])
  assert.deepEqual([lostStages, doubled], [1, 1])
})
