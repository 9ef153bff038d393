/** What is kept is what was, and lists of it are what a naive reader would make of all runs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { historyDefaults, recordLimits } from '../../agent/history/limits.ts'
import { fromStore, merged, type Source } from '../../agent/history/listing.ts'
import { PieceCutter, partsOf } from '../../agent/history/pieces.ts'
import { decodeParts, encodePart } from '../../agent/history/record.ts'
import { placeOf } from '../../agent/history/rows.ts'
import { RunStore } from '../../agent/history/store.ts'
import type { RunFilter } from '../../protocol/ledger/queries.ts'
import type { RunItem, RunView } from '../../protocol/ledger/work-view.ts'
import { MemoryDisk } from './memory-disk.ts'
import { anyRun, anyUnit, itemOf, keptOf, labels, runsOf } from './records.ts'

async function storeWith(
  runs: readonly RunView[],
  settings = historyDefaults,
): Promise<{ disk: MemoryDisk; store: RunStore }> {
  const disk = new MemoryDisk()
  const store = new RunStore(disk, settings)
  await store.open()
  for (const run of runs) await store.write([keptOf(run)])
  return { disk, store }
}

const filters: fc.Arbitrary<RunFilter> = fc.record(
  {
    states: fc.uniqueArray(fc.constantFrom('succeeded' as const, 'failed' as const), {
      maxLength: 2,
    }),
    name: fc.constantFrom('release', 'web'),
    labels,
    sinceMs: fc.integer({ min: 0, max: 45 }),
    untilMs: fc.integer({ min: 0, max: 45 }),
  },
  { requiredKeys: [] },
)

/** On purpose without any index. */
function naively(runs: readonly RunView[], filter: RunFilter): RunItem[] {
  const { states, name, labels = {}, sinceMs, untilMs } = filter
  return runs
    .map(itemOf)
    .filter(({ state }) => states === undefined || (states as string[]).includes(state))
    .filter((item) => name === undefined || item.name === name)
    .filter((item) => Object.entries(labels).every(([key, value]) => item.labels[key] === value))
    .filter(({ startedMs }) => sinceMs === undefined || startedMs >= sinceMs)
    .filter(({ startedMs }) => untilMs === undefined || startedMs < untilMs)
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
}

test('a run comes out of its record as it went in, however it is cut', () => {
  fc.assert(
    fc.property(
      anyRun,
      fc.array(fc.array(anyUnit, { maxLength: 3 }), { maxLength: 4 }),
      (run, more) => {
        const cutter = new PieceCutter()
        const pieces = [...cutter.push(encodePart(run.units, run))]
        for (const units of more) pieces.push(...cutter.push(encodePart(units)))
        pieces.push(cutter.end())
        const parts = partsOf(pieces)
        assert.ok(parts)
        assert.deepEqual(decodeParts(parts), { ...run, units: [...run.units, ...more.flat()] })
      },
    ),
  )
})

test('a large record is many pieces, each of which fits an answer', () => {
  const cutter = new PieceCutter()
  const parts = Array.from({ length: 9 }, (_, i) =>
    Uint8Array.from({ length: 100_003 }, (_, at) => (at * (i + 7) * 2_654_435_761) >>> 13),
  )
  const pieces = [...parts.flatMap((part) => cutter.push(part)), cutter.end()]
  assert.ok(pieces.length > 5)
  for (const piece of pieces) assert.ok(piece.length <= recordLimits.pieceBytes + 1)
  assert.deepEqual(
    partsOf(pieces)?.map((part) => Uint8Array.from(part)),
    parts,
  )
})

test('damaged pieces are no run, whatever the damage', () => {
  fc.assert(
    fc.property(
      anyRun,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(20),
      (run, at, flip, cut) => {
        const [piece] = keptOf(run).pieces as [Uint8Array]
        const broken = piece.slice(0, Math.max(1, piece.length - (cut % 3)))
        broken[at % broken.length]! ^= flip
        const parts = partsOf([broken])
        // It may happen to be another run: never does it throw.
        if (parts !== undefined) decodeParts(parts)
      },
    ),
  )
})

test('a list of kept runs is what a naive filter makes of all, in pages without a gap', async () => {
  await fc.assert(
    fc.asyncProperty(
      runsOf(25),
      filters,
      fc.integer({ min: 1, max: 6 }),
      async (runs, filter, limit) => {
        const { store } = await storeWith(runs)
        const listed: RunItem[] = []
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const sources = [fromStore(store, { filter, nowMs: 0 }, 3)]
          const page = await merged(sources, after, { limit, scannedMax: 1_000 })
          assert.ok(page.items.length <= limit)
          listed.push(...page.items)
          after = page.next
        }
        assert.deepEqual(listed, naively(runs, filter))
      },
    ),
    { numRuns: 200 },
  )
})

test('a run that several keep is listed once, and a page may be read while runs move', async () => {
  await fc.assert(
    fc.asyncProperty(
      runsOf(20),
      fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
      fc.integer({ min: 1, max: 5 }),
      async (runs, draws, limit) => {
        const where = runs.map(() => draws.next().value as number)
        const listed: RunItem[] = []
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const sources = await Promise.all(
            [1, 2, 4].map(async (bit): Promise<Source> => {
              const { store } = await storeWith(runs.filter((_, i) => (where[i]! & bit) !== 0))
              return fromStore(store, { filter: {}, nowMs: 0 }, 2)
            }),
          )
          const page = await merged(sources, after, { limit, scannedMax: 1_000 })
          listed.push(...page.items)
          after = page.next
          // Each is always somewhere.
          for (let i = 0; i < where.length; i++) where[i] = draws.next().value as number
        }
        assert.deepEqual(listed, naively(runs, {}))
      },
    ),
    { numRuns: 60 },
  )
})

test('a list that would cost too much stops, says so, and goes on from there', async () => {
  const runs = Array.from({ length: 40 }, (_, i) => endedAt(`r${i}`, i))
  const { store } = await storeWith(runs)
  const seldom: Source = async (after) => {
    const page = await fromStore(store, { filter: { name: 'none' }, nowMs: 0 }, 9)(after)
    return page
  }
  const short: Source = async (after) => ({ items: [], upTo: `${after ?? ''}0`, scanned: 10 })
  const page = await merged([seldom, short], undefined, { limit: 5, scannedMax: 30 })
  assert.deepEqual(page, { items: [], scanned: 40, silent: 0, isCutShort: true, next: '000' })
})

test('a source that fails is missed, and the others are told', async () => {
  const { store } = await storeWith([endedAt('r1', 1)])
  const sources = [fromStore(store, { filter: {}, nowMs: 0 }, 9), () => Promise.reject(new Error())]
  const { items, silent } = await merged(sources, undefined, { limit: 5, scannedMax: 30 })
  assert.deepEqual(
    items.map(({ run }) => run),
    ['r1'],
  )
  assert.equal(silent, 1)
})

test('retention takes those that ended first, until what is left is within all bounds', async () => {
  await fc.assert(
    fc.asyncProperty(
      runsOf(30),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 4_000 }),
      fc.integer({ min: 200, max: 6_000 }),
      async (runs, runsMax, ageMs, bytesMax) => {
        const nowMs = 4_040
        const { disk, store } = await storeWith(runs, { runsMax, ageMs, bytesMax })
        while (await store.retain(nowMs)) {}
        const left: RunView[] = []
        for (const run of runs) {
          const found = await store.run(run.run)
          if (found === undefined) continue
          assert.deepEqual(found, run)
          left.push(run)
        }
        assert.equal(store.runs, left.length)
        assert.ok(left.length <= runsMax && (store.bytes <= bytesMax || left.length === 0))
        const endOf = ({ head }: RunView) => head.endedMs!
        const gone = runs.filter((run) => !left.includes(run))
        const oldest = Math.min(...left.map(endOf))
        for (const run of gone) assert.ok(endOf(run) <= oldest)
        for (const run of left) assert.ok(endOf(run) >= nowMs - ageMs)
        for (const run of gone)
          assert.ok(store.isPast(endOf(run), nowMs), 'and is not taken in again')
        // Counted anew from the disk, it is the same; and without runs nothing is left of them.
        const again = new RunStore(disk, historyDefaults)
        await again.open()
        assert.deepEqual([again.runs, again.bytes], [store.runs, store.bytes])
        for (const { spec } of left) {
          assert.equal(await store.workflow(spec.workflow), `text of ${spec.workflow}`)
        }
        if (left.length === 0) assert.deepEqual([disk.keys(), store.bytes], [[], 0])
      },
    ),
    { numRuns: 200 },
  )
})

test('what a crash has left half-written is removed at the next start', async () => {
  const { disk, store } = await storeWith([endedAt('r1', 1)])
  const before = disk.keys()
  await store.begin('r2', 0, [new Uint8Array(9), new Uint8Array(9)])
  assert.ok(disk.keys().length > before.length)
  const again = new RunStore(disk, historyDefaults)
  await again.open()
  assert.deepEqual(disk.keys(), before)
})

test('kept runs are found by how their ids begin, and by their keys', async () => {
  const keyed = endedAt('abd', 3)
  const runs = [endedAt('abc', 1), endedAt('b', 2), { ...keyed, spec: { ...keyed.spec, key: 'k' } }]
  const { store } = await storeWith(runs)
  assert.deepEqual(await store.ids('ab', 9), ['abc', 'abd'])
  assert.deepEqual(await store.ids('ab', 1), ['abc'])
  assert.equal(await store.runOfKey('k'), 'abd')
  assert.equal(await store.runOfKey('other'), undefined)
  assert.equal(await store.run('ab'), undefined)
})

function endedAt(run: string, startedMs: number): RunView {
  const head = {
    run,
    state: 'succeeded',
    stop: 'none',
    revision: 1,
    name: 'release',
    by: 'anna',
    index: 1,
  } as const
  const spec = {
    workflow: 'h1',
    name: 'release',
    inputs: '{}',
    by: 'anna',
    labels: {},
    planHash: 'p',
  }
  return { run, head: { ...head, startedMs, endedMs: startedMs + 10 }, spec, units: [] }
}
