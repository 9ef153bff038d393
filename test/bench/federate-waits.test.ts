import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFigures } from '../../simulations/bench/federate-waits.ts'
import type { StageTimes } from '../../simulations/bench/run-times.ts'

/** A spell of a thousand stages, of which so many took so long, for want of a host. */
function spell(slow: number, slowMs: number): StageTimes[] {
  const rest = { queuedMs: 1, startingMs: 2, runningMs: 3, betweenMs: 4 }
  return Array.from({ length: 1_000 }, (_, i) => {
    const wholeMs = i < slow ? slowMs : 50
    return { wholeMs, unassignedMs: wholeMs - 10, ...rest }
  })
}

const usual = spell(20, 100)
const stalled = spell(200, 900)
const of = (figures: ReturnType<typeof waitFigures>, words: RegExp) => {
  const found = figures.filter(({ metric }) => words.test(metric))
  assert.equal(found.length, 1, String(words))
  return found[0]
}

test('one spell in which all stood still is told, and is not what rounds are judged by', () => {
  const figures = waitFigures('paced, net', [usual, usual, stalled, usual], [usual, usual])
  const judged = of(figures, /99th percentile, median of 4 spells/)
  assert.deepEqual([judged?.value, judged?.peerValue, judged?.holds], [100, 100, true])
  assert.equal(of(figures, /99th percentile, worst spell/)?.value, 900)
  assert.equal(of(figures, /median, median of 4 spells/)?.value, 50)
})

test('what most spells with rounds do worse than most without does not hold', () => {
  const [worse, spells] = [spell(20, 200), [usual, usual, usual, stalled]]
  const figures = waitFigures('paced, net', [worse, worse, worse, usual], spells)
  assert.equal(of(figures, /99th percentile, median of/)?.holds, false)
  assert.equal(of(figures, /median, median of/)?.holds, true)
})

test('where those without lie far apart, no more is asked of those with', () => {
  const figures = waitFigures('paced, net', [spell(20, 200)], [usual, usual, stalled, stalled])
  assert.equal(of(figures, /99th percentile, median of/)?.holds, true)
})

test('it is told what the slowest have waited for', () => {
  const figures = waitFigures('paced, net', [stalled], [usual])
  const unassigned = of(figures, /slowest hundredth.* until it is assigned/)
  assert.deepEqual([unassigned?.value, unassigned?.peerValue], [890, 90])
  assert.equal(of(figures, /slowest hundredth.* while that runs/)?.value, 3)
})
