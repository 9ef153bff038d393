/** Which runs are due to leave the ledger. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dueRuns } from '../../coordinator/history/choosing.ts'
import { archivingLimits } from '../../coordinator/history/limits.ts'

const runsMax = 100_000
const held = (count: number) =>
  Array.from({ length: count }, (_, i) => [`r${i}`, 1_000 + i] as const)

test('those that ended long enough ago are due, the oldest first', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.string(), fc.integer({ min: 0, max: 99 })), {
        selector: ([run]) => run,
      }),
      fc.integer({ min: 0, max: 99 }),
      (runs, afterMs) => {
        const due = dueRuns({ held: runs, runs: runs.length, runsMax, nowMs: 99, afterMs })
        const ends = new Map(runs)
        assert.deepEqual(
          new Set(due),
          new Set(runs.filter(([, at]) => at <= 99 - afterMs).map(([run]) => run)),
        )
        const times = due.map((run) => ends.get(run)!)
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        )
      },
    ),
  )
})

test('of more ended runs than the ledger is to keep, the oldest are due, however young', () => {
  const { endedMax } = archivingLimits
  const standing = { runs: endedMax + 3, runsMax, nowMs: 2_000, afterMs: 1e9 }
  assert.deepEqual(dueRuns({ ...standing, held: held(endedMax) }), [])
  assert.deepEqual(dueRuns({ ...standing, held: held(endedMax + 3) }), ['r0', 'r1', 'r2'])
})

test('when runs fill the ledger, all that have ended are due', () => {
  const runs = archivingLimits.fullShare * runsMax
  const standing = { held: held(4), runsMax, nowMs: 2_000, afterMs: 1e9 }
  assert.deepEqual(dueRuns({ ...standing, runs }), [])
  assert.equal(dueRuns({ ...standing, runs: runs + 1 }).length, 4)
})
