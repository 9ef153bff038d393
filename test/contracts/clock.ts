/** What every `Clock` promises. */
import assert from 'node:assert/strict'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface ClockSubject extends Subject {
  clock: Clock
  /** Stops the host for so long, as SIGSTOP and SIGCONT do, or a blocked event loop. */
  freeze(ms: number): Promise<void> | void
}

const year2020Ms = 1_577_836_800_000
const year2100Ms = 4_102_444_800_000

export function clockContract(
  name: string,
  make: () => Promise<ClockSubject> | ClockSubject,
): void {
  const it = promising(name, make)

  it('now moves on and never goes back', async ({ clock, advance }) => {
    let last = clock.now()
    const first = last
    for (let i = 0; i < 20; i++) {
      await advance(2)
      assert.ok(clock.now() >= last)
      last = clock.now()
    }
    assert.ok(last > first)
  })

  it('the wall clock tells milliseconds since 1970', ({ clock }) => {
    assert.ok(clock.wall() > year2020Ms && clock.wall() < year2100Ms)
  })

  it('a timer calls once, and no earlier than it was told', async ({ clock, until, advance }) => {
    const dueMs = clock.now() + 20.5
    const calledMs: number[] = []
    clock.after(20.5, () => calledMs.push(clock.now()))
    await until('the timer', () => calledMs.length > 0)
    await advance(50)
    assert.equal(calledMs.length, 1)
    assert.ok(calledMs[0]! >= dueMs, `due at ${dueMs}, called at ${calledMs[0]}`)
  })

  it('a timer never calls before it was returned', async ({ clock, until }) => {
    let returned = false
    let called = false
    clock.after(0, () => {
      assert.ok(returned)
      called = true
    })
    returned = true
    assert.equal(called, false)
    await until('the timer', () => called)
  })

  it('a shorter timer calls before a longer one that was set first', async ({ clock, until }) => {
    const calls: string[] = []
    clock.after(60, () => calls.push('long'))
    clock.after(5, () => calls.push('short'))
    await until('both timers', () => calls.length === 2)
    assert.deepEqual(calls, ['short', 'long'])
  })

  it('a cancelled timer never calls, also when cancelled twice', async ({ clock, advance }) => {
    let calls = 0
    const timer = clock.after(5, () => calls++)
    timer.cancel()
    timer.cancel()
    await advance(30)
    assert.equal(calls, 0)
  })

  it('cancelling a timer that has fired touches no other', async ({ clock, until }) => {
    let first = false
    let second = false
    const fired = clock.after(1, () => (first = true))
    await until('the first timer', () => first)
    clock.after(5, () => (second = true))
    fired.cancel()
    await until('the second timer', () => second)
  })

  it('a callback can cancel a timer that is due already', async ({ clock, freeze, advance }) => {
    const calls: string[] = []
    clock.after(5, () => {
      calls.push('first')
      later.cancel()
    })
    const later = clock.after(10, () => calls.push('cancelled'))
    await freeze(40)
    await advance(30)
    assert.deepEqual(calls, ['first'])
  })

  it('a callback can set another timer', async ({ clock, until }) => {
    let done = false
    clock.after(1, () => clock.after(1, () => (done = true)))
    await until('the second timer', () => done)
  })

  it('an interval calls again and again, no closer together than it was told', async (subject) => {
    const { clock, until } = subject
    const calledMs = [clock.now()]
    const timer = clock.every(7.5, () => calledMs.push(clock.now()))
    await until('five calls', () => calledMs.length > 5)
    timer.cancel()
    for (let i = 1; i < calledMs.length; i++) {
      // From the beginning: a call that the host held up is nearer to the next one, rightly.
      assert.ok(calledMs[i]! - calledMs[0]! >= i * 7.5 - 1e-6, JSON.stringify(calledMs))
    }
  })

  it('an interval can be cancelled from within its call', async ({ clock, until, advance }) => {
    let calls = 0
    const timer = clock.every(3, () => {
      calls++
      if (calls === 2) timer.cancel()
    })
    await until('two calls', () => calls === 2)
    await advance(30)
    assert.equal(calls, 2)
  })

  it('an interval calls once for all that a frozen host missed', async (subject) => {
    const { clock, freeze, advance } = subject
    let calls = 0
    const timer = clock.every(50, () => calls++)
    await freeze(1_000)
    await advance(20)
    assert.equal(calls, 1)
    timer.cancel()
  })

  it('a delay of a month is not taken for none', async ({ clock, advance }) => {
    let called = false
    const timer = clock.after(31 * 24 * 3_600_000, () => (called = true))
    await advance(30)
    assert.equal(called, false)
    timer.cancel()
  })
}
