import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemClock } from '../../agent/ports/clock.ts'

test('a callback never comes before its delay has passed, however the runtime rounds', async () => {
  const clock = new SystemClock()
  const early: number[] = []
  const waits = Array.from({ length: 200 }, (_, i) => {
    const delayMs = 1 + i / 7
    const startedMs = clock.now()
    return new Promise<void>((resolve) => {
      clock.after(delayMs, () => {
        const waitedMs = clock.now() - startedMs
        if (waitedMs < delayMs) early.push(delayMs - waitedMs)
        resolve()
      })
    })
  })
  await Promise.all(waits)
  assert.deepEqual(early, [])
})

test('a host that was paused gets one call, not one for each that it missed', async () => {
  const clock = new SystemClock()
  const calls: number[] = []
  await new Promise<void>((resolve) => {
    const timer = clock.every(20, () => {
      calls.push(clock.now())
      if (calls.length === 1) {
        // The whole thread stands still, as it does for a host that is paused.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
      }
      if (calls.length === 4) {
        timer.cancel()
        resolve()
      }
    })
  })
  for (let i = 1; i < calls.length; i++) {
    assert.ok(calls[i]! - calls[i - 1]! >= 20, `calls ${i - 1} and ${i} are too close together`)
  }
})

test('intervals of whole half seconds are called when something else wakes the host', async () => {
  const clock = new SystemClock()
  const called: string[] = []
  const dueMs = Math.ceil((clock.now() + 500) / 500) * 500
  clock.every(500, () => called.push('interval'))
  await new Promise<void>((resolve) => {
    clock.after(dueMs + 5 - clock.now(), () => {
      called.push('alarm')
      setImmediate(resolve)
    })
  })
  clock.close()
  assert.deepEqual(called, ['alarm', 'interval'])
})

test('they are called also if nothing else does', async () => {
  const clock = new SystemClock()
  let calls = 0
  await new Promise<void>((resolve) => {
    clock.every(500, () => {
      if (++calls === 2) resolve()
    })
  })
  clock.close()
})

test('a delay longer than the runtime can count does not fire at once', async () => {
  const clock = new SystemClock()
  let fired = false
  const timer = clock.after(2 ** 40, () => {
    fired = true
  })
  await new Promise<void>((resolve) => clock.after(30, resolve))
  timer.cancel()
  assert.equal(fired, false)
})

test('closing cancels every timer, and a later one never fires', async () => {
  const clock = new SystemClock()
  const fired: string[] = []
  clock.after(5, () => fired.push('after'))
  clock.every(5, () => fired.push('every'))
  clock.close()
  clock.after(5, () => fired.push('late'))
  const other = new SystemClock()
  await new Promise<void>((resolve) => other.after(40, resolve))
  assert.deepEqual(fired, [])
})
