/** Other agents may answer anything: nothing of it is believed that cannot be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Others } from '../../agent/history/asking.ts'
import { historyDefaults } from '../../agent/history/limits.ts'
import { aboutOf, placeOf } from '../../agent/history/rows.ts'
import { answered } from '../../agent/history/serving.ts'
import { RunStore } from '../../agent/history/store.ts'
import { Answer } from '../../agent/history/wire.ts'
import type { Calls } from '../../agent/requests/calls.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { MemoryDisk } from './memory-disk.ts'
import { itemOf, keptOf, runsOf } from './records.ts'

const peer = 'p1' as PeerId

function othersWho(answer: (body: Uint8Array) => Promise<Uint8Array>): Others {
  const calls = {
    ask: async (_: PeerId, __: string, body: Uint8Array) => {
      try {
        return { ok: true, body: await answer(body) }
      } catch (error) {
        return { ok: false, code: 'refused', why: String(error) }
      }
    },
  } as unknown as Calls
  return new Others(calls, () => [peer])
}

test('what an agent keeps is had from it as it is', async () => {
  await fc.assert(
    fc.asyncProperty(runsOf(6), async (runs) => {
      const store = new RunStore(new MemoryDisk(), historyDefaults)
      await store.open()
      for (const run of runs) await store.write([keptOf(run)])
      const others = othersWho((body) => answered({ store, holds: (run) => run !== 'none' }, body))
      for (const run of runs) assert.deepEqual(await others.run(run.run), run)
      assert.equal(await others.run('none'), undefined)
      const ids = runs.map(({ run }) => run)
      assert.deepEqual(await others.held(peer, [...ids, 'none']), new Set(ids))
      const bounds = { limit: 99, nowMs: 0 }
      const page = await others.source(peer, {}, undefined, bounds)(undefined)
      assert.deepEqual(page.items.map(placeOf), runs.map((run) => placeOf(itemOf(run))).sort())
    }),
    { numRuns: 40 },
  )
})

test('noise for an answer is no answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
      const others = othersWho(async () => noise)
      await others.run('r1')
      assert.equal(await others.workflow('h'), undefined)
      await others.ids('r')
      await others.held(peer, ['r1'])
      await others
        .source(peer, {}, undefined, { limit: 9, nowMs: 0 })('x')
        .then(
          ({ items, upTo }) => assert.ok(items.length === 0 && (upTo === undefined || upTo > 'x')),
          () => {},
        )
    }),
  )
})

test('a list that does not lead on, or goes back, is not read on', async () => {
  const [first, second] = ['a', 'b'].map((run, i) => ({
    ...itemOf(fc.sample(runsOf(9), { numRuns: 1, seed: 3 })[0]![0]!),
    run,
    startedMs: 10 - i,
  })) as [ReturnType<typeof itemOf>, ReturnType<typeof itemOf>]
  const said = (rows: (typeof first)[], upTo?: string) =>
    othersWho(async () => {
      const more = upTo === undefined ? {} : { upTo }
      return encode(Answer, {
        kind: 'list',
        value: { rows: rows.map(aboutOf), scanned: 1, ...more },
      })
    }).source(peer, {}, undefined, { limit: 9, nowMs: 0 })
  const after = placeOf(first)
  await assert.rejects(said([], after)(after), /out of order/)
  await assert.rejects(said([first])(after), /out of order/)
  await assert.rejects(said([second, first])(undefined), /out of order/)
  await assert.rejects(said([second], after)(after), /out of order/)
  assert.equal((await said([second])(after)).items.length, 1)
})

test('a history that is not running says so, and a question that is none is refused', async () => {
  const others = othersWho((body) => answered(undefined, body))
  assert.equal(await others.held(peer, ['r1']), undefined)
  await assert.rejects(answered(undefined, new Uint8Array([255, 255])), /no question/)
})
