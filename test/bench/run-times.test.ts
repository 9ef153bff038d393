import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hopOf,
  lengthMsOf,
  rateOf,
  stageTimesOf,
  successesOf,
  taskHistoryOf,
} from '../../simulations/bench/run-times.ts'
import { detailOf, lost, ok, runOf, stageOf } from './run-of.ts'

test('a rate is of all stages, from the first run that began to the last that ended', () => {
  const runs = [runOf(1_000, 4_000), runOf(2_000, 3_000), runOf(1_500, 6_000)]
  assert.deepEqual(rateOf(runs, 100), { stages: 300, perSecond: 60 })
})

test('a run that goes on makes the rate nothing, and has no length', () => {
  assert.equal(rateOf([runOf(0, 10), runOf(5)], 100).perSecond, 0)
  assert.throws(() => lengthMsOf(runOf(5)))
})

test('a hop is from result to result, and leaves the way to the first one out', () => {
  const chain = detailOf(
    stageOf('a', ok('n1', 0, 100)),
    stageOf('b', ok('n1', 100, 104)),
    stageOf('c', ok('n1', 104, 106)),
  )
  assert.equal(hopOf(chain), 3)
})

test('a chain with a stage that did not succeed has no hop', () => {
  assert.throws(() => hopOf(detailOf(stageOf('a', ok('n1', 0, 1)), stageOf('b', lost('n1', 1, 2)))))
})

test('of a stage that was tried again only the success counts as one', () => {
  const stage = stageOf('a', lost('n1', 0, 5), ok('n2', 6, 9))
  assert.deepEqual(
    successesOf(stage).map(({ nodeName }) => nodeName),
    ['n2'],
  )
})

test('what a stage takes begins with its run: it has waited since then', () => {
  const stages = [stageOf('a', ok('n1', 3, 9)), stageOf('b', lost('n1', 0, 5), ok('n2', 6, 11))]
  const { run, ...rest } = detailOf(...stages)
  const times = stageTimesOf({ ...rest, run: { ...run, startedMs: 2 } })
  assert.deepEqual(
    times.map(({ wholeMs }) => wholeMs),
    [7, 9],
  )
  assert.deepEqual(
    times.map(({ unassignedMs }) => unassignedMs),
    [1, 4],
  )
})

test('what a stage takes is all in its parts, whatever its host tells of itself', () => {
  const usage = { queueMs: 1, startMs: 2, wallMs: 4 }
  const stages = [stageOf('a', { ...ok('n1', 10, 30), usage }), stageOf('b', ok('n1', 10, 30))]
  const [told, untold] = stageTimesOf(detailOf(...stages))
  const here = { queuedMs: 1, startingMs: 2, runningMs: 4, betweenMs: 13 }
  assert.deepEqual(told, { wholeMs: 30, unassignedMs: 10, ...here })
  const nothing = { queuedMs: 0, startingMs: 0, runningMs: 0, betweenMs: 20 }
  assert.deepEqual(untold, { wholeMs: 30, unassignedMs: 10, ...nothing })
})

test('the history of a trace has every attempt, under the id of its task', () => {
  const detail = detailOf(stageOf('a-1', lost('n1', 0, 5), ok('n2', 6, 9)))
  assert.deepEqual(taskHistoryOf(detail, new Map([['a-1', 'a.1']])), [
    {
      task: 'a.1',
      attempts: [
        { startedAt: 0, endedAt: 5, succeeded: false },
        { startedAt: 6, endedAt: 9, succeeded: true },
      ],
    },
  ])
})
