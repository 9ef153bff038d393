import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SystemClock } from '../../agent/ports/clock.ts'
import { clockContract } from './clock.ts'
import { realPassage } from './passage.ts'

clockContract('the host’s clock', () => {
  const clock = new SystemClock()
  return {
    ...realPassage,
    clock,
    freeze(ms) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    },
    close: () => clock.close(),
  }
})

test('intervals of whole half seconds come in one turn, whenever they were begun', async () => {
  const clock = new SystemClock()
  const calls: string[] = []
  const call = (name: string) => () => {
    calls.push(name)
    queueMicrotask(() => calls.push('turn'))
  }
  clock.every(500, call('a'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  clock.every(1_000, call('b'))
  while (!calls.includes('b')) await new Promise((resolve) => setTimeout(resolve, 20))
  clock.close()
  const at = calls.indexOf('b')
  assert.deepEqual(calls.slice(at - 1, at + 3), ['a', 'b', 'turn', 'turn'])
})
