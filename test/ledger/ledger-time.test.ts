/** The time of the ledger goes on, whatever the calendar of its leader does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LedgerTime } from '../../agent/ledger/ledger-time.ts'
import type { Clock } from '../../protocol/ports/clock.ts'

class Watch implements Pick<Clock, 'now' | 'wall'> {
  nowMs = 0
  wallMs = 1_000_000
  now = () => this.nowMs
  wall = () => this.wallMs

  pass(ms: number): void {
    this.nowMs += ms
    this.wallMs += ms
  }
}

function begun() {
  const watch = new Watch()
  return { watch, time: new LedgerTime(watch as unknown as Clock) }
}

test('on an ordinary day it is the calendar’s', () => {
  const { watch, time } = begun()
  for (let i = 0; i < 100; i++) {
    watch.pass(0.3)
    assert.equal(time.now(0), watch.wallMs)
  }
})

test('it is never behind what the state has seen, and goes on from there', () => {
  const { watch, time } = begun()
  const seenMs = watch.wallMs + 3_600_000
  assert.equal(time.now(seenMs), seenMs)
  watch.pass(10_000)
  assert.equal(time.now(seenMs), seenMs + 9_000)
})

test('a calendar that was ahead and comes back stops nothing that waits', () => {
  const { watch, time } = begun()
  watch.wallMs += 86_400_000
  const aheadMs = time.now(0)
  watch.wallMs -= 86_400_000
  watch.pass(1_000)
  assert.ok(time.now(0) >= aheadMs + 900)
})

test('the calendar catches up with it', () => {
  const { watch, time } = begun()
  watch.wallMs += 60_000
  time.now(0)
  watch.wallMs -= 60_000
  watch.pass(700_000)
  assert.equal(time.now(0), watch.wallMs)
})

test('it never goes back', () => {
  const { watch, time } = begun()
  let before = 0
  for (let i = 0; i < 1_000; i++) {
    watch.pass(0.7 * (i % 5))
    if (i % 7 === 0) watch.wallMs += ((i % 3) - 1) * 500
    const now = time.now(i % 11 === 0 ? before + 3 : 0)
    assert.ok(now >= before)
    before = now
  }
})
