/** Moments as people read them: by the clock of whoever reads, and never mistaken for another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calendarDay, clockTime, zonedTime } from '../../coordinator/cli/figures.ts'
import { waitOf, when } from '../../coordinator/cli/stage-text.ts'

const DAY_MS = 86_400_000

test('a moment that is passed on to others says how far its clock is from UTC', () => {
  const told = zonedTime(Date.UTC(2026, 0, 31, 12))
  const [, day, clock, zone] = /^(\S+) (\S+) (UTC|[+-]\d\d:\d\d)$/.exec(told) ?? []
  assert.ok(day !== undefined && clock !== undefined && zone !== undefined, told)
  const iso = `${day}T${clock}${zone === 'UTC' ? 'Z' : zone}`
  assert.equal(Date.parse(iso), Date.UTC(2026, 0, 31, 12))
})

test('a moment that is more than a day away, before or after, has its day, by the same clock', () => {
  for (const atMs of [Date.now() - 2 * DAY_MS, Date.now() + 2 * DAY_MS]) {
    assert.equal(when(atMs), `${calendarDay(atMs)} ${clockTime(atMs).slice(0, 5)}`)
  }
  const soon = Date.now() + DAY_MS / 2
  assert.equal(when(soon), clockTime(soon))
})

test('what waits for days says on which day that ends', () => {
  const dueMs = Date.now() + 3 * DAY_MS
  const told = waitOf({ waitsFor: 'approval', dueMs })
  assert.equal(told, `waits for approval until ${when(dueMs)}`)
  assert.ok(told?.includes(calendarDay(dueMs)))
})
