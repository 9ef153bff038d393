/** What runs cost once is not told as what each costs, and what grows faster than they do is found. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryFigures } from '../../simulations/bench/memory-of-runs.ts'

const MIB = 2 ** 20
const counts = [0, 1_000, 5_000, 10_000]

function told(bytesOf: (runs: number) => number) {
  const figures = memoryFigures(
    'leader',
    counts.map((runs) => ({ runs, bytes: bytesOf(runs) })),
  )
  const the = (part: string) => figures.find(({ metric }) => metric.includes(part))!
  return { once: the('once'), each: the('each run'), late: the('and from') }
}

test('a cost that comes once is told as such, and a run costs the same with it and without', () => {
  const plain = told((runs) => 100 * MIB + 8_192 * runs)
  const withOnce = told((runs) => 100 * MIB + 8_192 * runs + (runs > 0 ? 20 * MIB : 0))
  assert.deepEqual([plain.once.value, withOnce.once.value], [0, 20])
  assert.deepEqual([plain.each.value, withOnce.each.value], [8, 8])
  assert.deepEqual([plain.late.holds, withOnce.late.holds], [true, true])
})

test('memory that grows with the square of the runs is not flat', () => {
  const { late } = told((runs) => 100 * MIB + (8_192 * runs * runs) / 10_000)
  assert.equal(late.holds, false)
})

test('what a collection gives back meanwhile makes nothing flat that is not', () => {
  const { late } = told((runs) => (runs === 5_000 ? 90 : 100) * MIB + 8_192 * runs)
  assert.equal(late.holds, false, 'ten MiB more from half of them on is no trembling')
})
