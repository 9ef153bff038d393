import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemClock } from '../../agent/ports/clock.ts'
import { LoopLagMonitor } from '../../agent/ports/loop-lag.ts'

test('a loop that was blocked says so, for as long as its window lasts', async (t) => {
  const clock = new SystemClock()
  const lag = new LoopLagMonitor(clock)
  t.after(() => lag.close())
  const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
  await wait(200)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
  await wait(400)
  const blocked = lag.read()
  assert.ok(blocked.maxMs >= 400, `a block of 600 ms reads as ${blocked.maxMs}`)
  assert.ok(blocked.p99Ms >= 400, `its 99th percentile reads as ${blocked.p99Ms}`)
  await wait(1_100)
  assert.equal(lag.read().maxMs, blocked.maxMs, 'a later, calm slice does not hide it')
})
