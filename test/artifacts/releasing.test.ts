/** Letting go of what archived runs have pinned: only on a quorum's word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Releasing } from '../../agent/artifacts/releasing.ts'
import type { Ledger, ReadOptions } from '../../protocol/ledger/ledger.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'

type Word = 'there' | 'gone' | 'noQuorum'

/** What is still pinned after one look, when runs are so by this copy of the ledger and by a quorum. */
async function leftAfter(words: Record<string, { here: Word; sure: Word }>): Promise<string[]> {
  const pinned = new Set(Object.keys(words))
  let look: (() => void) | undefined
  const timer = { cancel() {} }
  const clock = {
    every: (_: number, call: () => void) => {
      look = call
      return timer
    },
    after: (_: number, call: () => void) => {
      queueMicrotask(call)
      return timer
    },
  } as unknown as Clock
  const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet }
  const store = {
    pinnedRuns: () => [...pinned],
    unpin: (run: string) => Promise.resolve(void pinned.delete(run)),
  }
  const ledger = {
    read: ({ run }: { run: string }, { consistency }: ReadOptions) => {
      const word = words[run]![consistency === 'local' ? 'here' : 'sure']
      if (word === 'noQuorum') {
        return Promise.resolve({ kind: 'refused', why: 'noQuorum', reachable: 1, needed: 2 })
      }
      return Promise.resolve({ kind: 'read', value: word === 'there' ? { run } : undefined })
    },
  } as unknown as Pick<Ledger, 'read'>
  const releasing = new Releasing({ clock, log: quiet }, store, ledger)
  releasing.start()
  look?.()
  await new Promise((resolve) => setImmediate(resolve))
  await releasing.stop()
  return [...pinned]
}

test('what a run has pinned that a quorum says is gone may be removed', async () => {
  const left = await leftAfter({
    a: { here: 'there', sure: 'there' },
    b: { here: 'gone', sure: 'gone' },
    c: { here: 'there', sure: 'gone' },
  })
  // The copy here comes to know of it too, and then it is asked.
  assert.deepEqual(left, ['a', 'c'])
})

test('a run that only this copy of the ledger does not know stays pinned', async () => {
  assert.deepEqual(await leftAfter({ a: { here: 'gone', sure: 'there' } }), ['a'])
})

test('without a quorum nothing is let go of', async () => {
  assert.deepEqual(await leftAfter({ a: { here: 'gone', sure: 'noQuorum' } }), ['a'])
})
