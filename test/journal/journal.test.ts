/** Events are numbered without gaps, whatever becomes of the agent and its disk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JOURNAL_EVENTS_MAX, Journal } from '../../agent/journal/journal.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk, DiskOp } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { quiet } from '../modules/stage.ts'

const clock = { wall: () => 0 } as Clock
const log = { child: () => log, warn: () => {} } as unknown as Log
const event = (text: string) => ({ kind: 'test', text, fields: {} })

/** Writes wait until they are let through, or fail. */
class SlowDisk {
  readonly kept = new Map<string, Uint8Array>()
  private waiting: { ops: readonly DiskOp[]; settle: (error?: Error) => void }[] = []

  write(ops: readonly DiskOp[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => (error ? reject(error) : resolve())
      this.waiting.push({ ops, settle })
    })
  }

  forget(): void {
    this.waiting = []
  }

  async *scan(): AsyncIterable<readonly [string, Uint8Array]> {
    yield* [...this.kept].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async let(through: number, error?: Error): Promise<void> {
    for (const { ops, settle } of this.waiting.splice(0, through)) {
      if (!error) {
        for (const op of ops) {
          if ('put' in op) this.kept.set(op.put, op.value)
          else this.kept.delete(op.del)
        }
      }
      settle(error)
    }
    await quiet()
  }
}

async function opened(disk: SlowDisk): Promise<{ journal: Journal; heard: number[] }> {
  const journal = new Journal({ clock, log, disk: disk as unknown as Disk })
  await journal.load()
  const heard: number[] = []
  journal.follow(({ seq }) => heard.push(seq))
  return { journal, heard }
}

test('an event is told only once it is written, so that no number is ever told twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 8 }), async (lives) => {
      const disk = new SlowDisk()
      const told: number[] = []
      for (const [recorded, written] of lives) {
        const { journal, heard } = await opened(disk)
        for (let i = 0; i < recorded; i++) journal.record(event(`${i}`))
        await disk.let(Math.min(written, recorded))
        assert.deepEqual(
          journal.past(told.at(-1) ?? 0, 9).map(({ seq }) => seq),
          heard,
        )
        told.push(...heard)
        assert.equal(journal.newestSeq(), told.at(-1) ?? 0)
        // The agent is killed: what was not written is lost with it.
        disk.forget()
      }
      assert.deepEqual(
        told,
        told.map((_, i) => i + 1),
      )
    }),
  )
})

test('an event that the disk refuses is told all the same, in its turn', async () => {
  const disk = new SlowDisk()
  const { journal, heard } = await opened(disk)
  for (const text of ['a', 'b', 'c']) journal.record(event(text))
  await disk.let(1)
  await disk.let(1, new Error('full'))
  await disk.let(1)
  assert.deepEqual(heard, [1, 2, 3])
})

test('what is kept is bounded, in memory and on disk, and the newest stay', async () => {
  const disk = new SlowDisk()
  const { journal } = await opened(disk)
  const recorded = JOURNAL_EVENTS_MAX * 2 + 7
  for (let i = 0; i < recorded; i++) journal.record(event(`${i}`))
  await disk.let(recorded)
  const past = journal.past(0, recorded)
  assert.equal(past.length, JOURNAL_EVENTS_MAX)
  assert.equal(past.at(-1)?.seq, recorded)
  assert.ok(disk.kept.size <= JOURNAL_EVENTS_MAX + 200, `${disk.kept.size} on disk`)
  const again = await opened(disk)
  assert.deepEqual(again.journal.past(0, recorded), past)
})
