/** What counts against a process that is overdue: what it takes by itself, not what it waits for a core. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import {
  OwnTime,
  ownTimeOf,
  type Threads,
  type ThreadTime,
} from '../../agent/ports/inference/own-time.ts'
import { realPassage } from '../contracts/passage.ts'

const ms = 1e6

function threads(...all: Partial<ThreadTime>[]): Threads {
  return new Map(
    all.map((one, i) => [String(i), { ran: 0, waited: 0, wantsCore: false, ...one }] as const),
  )
}

const cases: readonly [what: string, before: Threads, after: Threads, counted: number][] = [
  ['it ran all the time', threads({}), threads({ ran: 25 * ms, wantsCore: true }), 25],
  ['it hangs, asleep', threads({ ran: 7 * ms }), threads({ ran: 7 * ms }), 25],
  ['it ran a little and slept', threads({}), threads({ ran: 5 * ms }), 25],
  ['it waited, and then ran', threads({}), threads({ ran: 5 * ms, waited: 20 * ms }), 5],
  ['it waits for a core still', threads({}), threads({ wantsCore: true }), 0],
  [
    'one thread waits for a core, and another one sleeps',
    threads({}, {}),
    threads({ wantsCore: true }, {}),
    0,
  ],
  [
    'it hangs, and something in it wakes now and then',
    threads({}, {}),
    threads({}, { ran: 0.01 * ms, waited: 0.5 * ms }),
    24.5,
  ],
  ['two threads ran at once', threads({}, {}), threads({ ran: 25 * ms }, { ran: 25 * ms }), 50],
  [
    'it waited for longer than it was looked away from',
    threads({}),
    threads({ ran: 3 * ms, waited: 900 * ms }),
    3,
  ],
  ['the system tells nothing', threads(), threads(), 25],
]

for (const [what, before, after, counted] of cases) {
  test(`of 25 ms so much counts where ${what}: ${counted}`, () => {
    assert.ok(Math.abs(ownTimeOf(before, after, 25) - counted) < 1e-6)
  })
}

for (const [what, script] of [
  ['runs', 'for (;;);'],
  ['sleeps', 'setInterval(() => {}, 1e6)'],
] as const) {
  test(`a real process that only ${what} is overdue in the end`, async (t) => {
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    const own = new OwnTime(child.pid, 1_000)
    await realPassage.until('time to count', () => own.look() > 200)
  })
}

test('whoever did not look for an hour holds no more than one look against it', () => {
  const own = new OwnTime(undefined, 0)
  assert.equal(own.look(), 0)
})
