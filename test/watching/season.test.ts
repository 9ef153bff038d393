import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judged, type SeasonHour, workClassOf } from '../../models/watching/season.ts'
import { Noise } from './noise.ts'

const dayZero = 20_000 * 24

/** Days that are busy from nine to five, and do a backup at three in the night. */
function days(count: number, noise = new Noise(1)): SeasonHour[] {
  return Array.from({ length: count * 24 }, (_, i) => {
    const hour = i % 24
    const busy = hour >= 9 && hour < 17 ? 0.5 : 0.05
    const cpu = hour === 3 ? 0.95 : busy + 0.03 * noise.unit()
    return { hour: dayZero + i, work: 0, cpu, memory: 0.4 + 0.02 * noise.unit() }
  })
}

const at = (day: number, hour: number, work = 0) => ({ hour: dayZero + 24 * day + hour, work })

test('before three days have had such an hour, what is usual is unknown', () => {
  for (let known = 0; known < 3; known++) {
    const verdict = judged(days(known), at(known, 12), 'cpu', 1)
    assert.deepEqual(verdict, { kind: 'unknown', days: known })
  }
  assert.equal(judged(days(3), at(3, 12), 'cpu', 0.5).kind, 'usual')
})

test('the same load is usual by day and not by night; a backup at its hour is usual', () => {
  const past = days(5)
  assert.equal(judged(past, at(5, 12), 'cpu', 0.6).kind, 'usual')
  const night = judged(past, at(5, 23), 'cpu', 0.6)
  assert.equal(night.kind, 'unusual')
  assert.equal(judged(past, at(5, 3), 'cpu', 0.95).kind, 'usual')
  assert.equal(judged(past, at(5, 20), 'cpu', 0.95).kind, 'unusual')
})

test('a load is judged against hours with as much work, and those are unknown apart', () => {
  const idle = days(5)
  const working = idle.map((hour) => ({ ...hour, work: 2, cpu: 0.9 }))
  const past = [...idle, ...working]
  assert.equal(judged(past, at(5, 23, 2), 'cpu', 0.95).kind, 'usual')
  assert.equal(judged(past, at(5, 23, 0), 'cpu', 0.95).kind, 'unusual')
  assert.equal(judged(past, at(5, 23, 4), 'cpu', 0.95).kind, 'unknown')
})

test('what began an hour ago does not make itself usual', () => {
  const today = { ...at(5, 19), cpu: 0.95, memory: 0.4 }
  assert.equal(judged([...days(5), today], at(5, 20), 'cpu', 0.95).kind, 'unusual')
})

test('a host that is as it always is never gives an alarm', () => {
  const noise = new Noise(5)
  const past = days(14, noise)
  for (let hour = 0; hour < 24; hour++) {
    const usual = past.find((each) => each.hour === dayZero + hour)?.cpu ?? 0
    const value = usual + 0.1 * noise.unit()
    assert.equal(judged(past, at(14, hour), 'cpu', value).kind, 'usual', `hour ${hour}`)
  }
})

test('more work is another kind of load', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 7, 8, 1_000].map(workClassOf), [0, 1, 2, 2, 3, 3, 4, 5])
})
