/** What a host would have said beside its own history: a version has to earn its word, and can lose it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asUsed, type SaidOf } from '../../models/federation/experiment/as-used.ts'
import type { Told } from '../../models/federation/personal.ts'
import { durationErrors } from '../../models/measures/duration.ts'
import type { Row } from '../../models/rows.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

const rowsOfKnown = 200
const rowsOfHeld = 400

/** Work of one kind whose length is drawn anew each time; a good version knows it, and history cannot. */
function said(
  about: { from: number; count: number; task?: string },
  telling: (log: number) => Told,
): SaidOf[] {
  const { from, count, task = 'sort' } = about
  const chance = new SeededEntropy(`${task} ${from}`)
  return Array.from({ length: count }, (_, i) => {
    const startedMs = (from + i) * 1_000_000
    const tookMs = Math.round(Math.exp(5 + 6 * chance.unit()))
    const ended = 'succeeded' as const
    const row: Row = { group: 'g', task, host: 'h', startedMs, endedMs: startedMs + tookMs, ended }
    return { row, told: telling(Math.log(tookMs)) }
  })
}

function right(log: number): Told {
  return [log - 0.1, log, log + 0.1]
}

/** What took long it says is short: no correction of all makes that good. */
function ruined(log: number): Told {
  return right(16 - log)
}

function lossOf(known: (log: number) => Told, held: (log: number) => Told, task?: string): number {
  const judged = asUsed(
    said({ from: 0, count: rowsOfKnown }, known),
    said({ from: rowsOfKnown, count: rowsOfHeld, ...(task ? { task } : {}) }, held),
  )
  return durationErrors(judged)?.pinballLog ?? Number.NaN
}

/** As history alone would say it: by a version that is never believed. */
function lossOfHistory(): number {
  return lossOf(ruined, ruined)
}

test('a version that is no good for a host is not heard there, where history has ground', () => {
  const bare = durationErrors(
    said({ from: rowsOfKnown, count: rowsOfHeld }, ruined).map(({ row, told }) => ({
      range: { p10: Math.exp(told[0]), p50: Math.exp(told[1]), p90: Math.exp(told[2]), n: 0 },
      actualMs: row.endedMs - row.startedMs,
    })),
  )
  assert.ok((bare?.pinballLog ?? 0) > 2 * lossOfHistory(), 'the version alone is ruin')
})

test('one that does better is believed after it was judged, and not before', () => {
  const judged = asUsed(
    said({ from: 0, count: rowsOfKnown }, right),
    said({ from: rowsOfKnown, count: rowsOfHeld }, right),
  )
  const widthOf = (at: number) => {
    const { p10, p90 } = judged[at]?.range ?? { p10: Number.NaN, p90: Number.NaN }
    return Math.log(p90 / p10)
  }
  assert.ok(widthOf(0) > 2, 'history knows that it may take anything')
  assert.ok(widthOf(rowsOfHeld - 1) < 0.5, 'the version knows')
  assert.ok(lossOf(right, right) < lossOfHistory() / 2)
})

test('where history knows nothing the version has the word at once', () => {
  const known = said({ from: 0, count: rowsOfKnown }, right)
  const [first] = said({ from: rowsOfKnown, count: 1, task: 'never seen' }, right)
  assert.ok(first !== undefined)
  const [one] = asUsed(known, [first])
  const off = Math.log((one?.range.p50 ?? Number.NaN) / (one?.actualMs ?? Number.NaN))
  assert.ok(Math.abs(off) < 0.1, `off by ${off}`)
})
