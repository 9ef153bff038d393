/** What an agent writes down of attempts, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deskLimits } from '../../agent/work/limits.ts'
import { Notebook } from '../../agent/work/notebook.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { type Disk, DiskError, type DiskOp } from '../../protocol/ports/disk.ts'

const value = new Uint8Array(1)
const durable = { durable: true }

/** A notebook on a disk that tells what it is given: `+` put, `-` removed, `!` to be synced. */
function stage({ isFull = false } = {}) {
  const given: string[] = []
  const failures: unknown[] = []
  let ring = () => {}
  const clock = {
    after: (_: number, call: () => void) => {
      ring = call
      return { cancel: () => {} }
    },
  } as unknown as Clock
  const write = async (ops: readonly DiskOp[], options: { durable: boolean }) => {
    const words = ops.map((op) => ('put' in op ? `+${op.put}` : `-${op.del}`))
    given.push(words.join(' ') + (options.durable ? '!' : ''))
    if (isFull && ops.some((op) => 'put' in op)) throw new DiskError('full', 'no room')
  }
  const disk = { write } as unknown as Disk
  const notebook = new Notebook({ clock, disk }, (error) => failures.push(error))
  return { notebook, given, failures, ring: () => ring() }
}

test('what is cleared away goes with the next record, or by itself a little later', async () => {
  const { notebook, given, ring } = stage()
  notebook.clear('a', 'b')
  await Promise.resolve()
  assert.deepEqual(given, [])
  await notebook.write([{ put: 'c', value }], durable)
  assert.deepEqual(given, ['-a -b', '+c!'])
  notebook.clear('d')
  ring()
  assert.deepEqual(given.slice(2), ['-d'])
})

test('not much waits to be cleared away, and nothing when the agent has stopped', async () => {
  const { notebook, given } = stage()
  for (let i = 0; i < deskLimits.clearingMax; i++) notebook.clear(`k${i}`)
  assert.equal(given.length, 1)
  notebook.clear('last')
  await notebook.idle()
  assert.deepEqual(given.slice(1), ['-last'])
})

test('a disk that has no room for a record is cleared all the same', async () => {
  const { notebook, given, failures } = stage({ isFull: true })
  notebook.clear('a')
  await assert.rejects(notebook.write([{ put: 'b', value }], durable), /no room/)
  assert.deepEqual(given, ['-a', '+b!'])
  assert.deepEqual(failures, [])
})
