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
