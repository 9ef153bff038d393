import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { History } from '../../agent/telemetry/history.ts'
import { chunkOf, decodeChunk, encodeChunk, spanOf } from '../../agent/telemetry/history-chunk.ts'
import type { HistoryPoint } from '../../agent/telemetry/history-point.ts'
import { HistoryRing } from '../../agent/telemetry/history-ring.ts'
import { historyLimits } from '../../agent/telemetry/limits.ts'
import { LogLines, MemoryDisk, sampleAt } from './made-host.ts'

/** The start of a minute, of an hour and of a day. */
const startMs = 1_900_000 * 86_400_000
const pointMs = historyLimits.pointIntervalMs
const day = historyLimits.retentionMs
const all = Number.MAX_SAFE_INTEGER

/** Time passes for the host's calendar and for its clock alike. */
function live(history: History, fromMs: number, forMs: number, stepMs = 5_000, cpu = 0.5): void {
  for (let ms = 0; ms < forMs; ms += stepMs)
    history.add(sampleAt(fromMs + ms, cpu), fromMs + ms, stepMs)
}

async function reopened(disk: MemoryDisk): Promise<History> {
  const history = new History(disk, new LogLines())
  await history.load()
  return history
}

const timesOf = (points: readonly HistoryPoint[]): number[] => points.map(({ atMs }) => atMs)

test('a point is the mean of its interval, each sample weighing as long as it stands for', () => {
  const history = new History(new MemoryDisk(), new LogLines())
  history.add(sampleAt(startMs, undefined), 0, 1_000)
  history.add(sampleAt(startMs + 1_000, 1), 1_000, 1_000)
  history.add(sampleAt(startMs + 4_000, 0.5), 4_000, 3_000)
  history.add(sampleAt(startMs + pointMs, 0), pointMs, 6_000)
  assert.deepEqual(history.lastMinutes(5, startMs + pointMs), [
    {
      atMs: startMs + pointMs,
      cpu: 0.625,
      memoryUsedBytes: 600,
      diskAvailableBytes: 5_000,
      receivedBytesPerSecond: 40,
      sentBytesPerSecond: 3,
      agentResidentBytes: 77,
    },
  ])
})

test('a day is kept and no more, in memory and on disk, with one small write a minute', async () => {
  const disk = new MemoryDisk()
  const history = new History(disk, new LogLines())
  live(history, startMs, 2 * day)
  await history.flush()
  const points = history.lastMinutes(all, startMs + 2 * day)
  assert.equal(points.length, day / pointMs)
  assert.equal(disk.durableWrites, 0)
  assert.equal(disk.writes, (2 * day) / 60_000)
  assert.ok(disk.entries.size <= day / 60_000 + 1)
  const bytes = [...disk.entries.values()].reduce((sum, value) => sum + value.length, 0)
  assert.ok(bytes < 512 * 1024, `${bytes} bytes`)
})

test('the last minutes are the last minutes, oldest first', () => {
  const history = new History(new MemoryDisk(), new LogLines())
  live(history, startMs, 60 * 60_000 + 20_000)
  const points = history.lastMinutes(60, startMs + 60 * 60_000 + pointMs)
  assert.equal(points.length, 360)
  assert.equal(points[0]!.atMs, startMs + 2 * pointMs)
  assert.equal(points.at(-1)!.atMs, startMs + 60 * 60_000 + pointMs)
})

test('a restart keeps what was stopped in order, and shows the time away as a gap', async () => {
  const disk = new MemoryDisk()
  const before = new History(disk, new LogLines())
  live(before, startMs, 95_000, 5_000, 1 / 3)
  await before.flush()
  const history = await reopened(disk)
  const kept = before.lastMinutes(all, startMs + 95_000)
  assert.deepEqual(history.lastMinutes(all, startMs + 95_000), kept)
  assert.equal(kept.length, 9)
  live(history, startMs + 600_000, 30_000)
  const times = timesOf(history.lastMinutes(all, startMs + 630_000))
  assert.deepEqual(times.slice(0, 9), timesOf(kept))
  assert.equal(times[9], startMs + 600_000 + pointMs)
})

test('a kill loses the minute that had not been written', async () => {
  const disk = new MemoryDisk()
  live(new History(disk, new LogLines()), startMs, 175_000)
  await new Promise((resolve) => setImmediate(resolve))
  const points = (await reopened(disk)).lastMinutes(all, startMs + 175_000)
  assert.equal(points.at(-1)!.atMs, startMs + 120_000)
})

test('a restart within a minute keeps the part before it when the minute is written', async () => {
  const disk = new MemoryDisk()
  const before = new History(disk, new LogLines())
  live(before, startMs, 35_000)
  await before.flush()
  const history = await reopened(disk)
  live(history, startMs + 40_000, 30_000)
  await history.flush()
  const points = (await reopened(disk)).lastMinutes(all, startMs + 70_000)
  assert.deepEqual(
    timesOf(points),
    [1, 2, 3, 5, 6].map((n) => startMs + n * pointMs),
  )
})

test('a calendar that steps back for a moment costs nothing that was recorded', () => {
  const log = new LogLines()
  const history = new History(new MemoryDisk(), log)
  live(history, startMs, 600_000)
  // The host wakes an hour early, until the network corrects it a minute later.
  for (let ms = 0; ms < 60_000; ms += 5_000) {
    history.add(sampleAt(startMs + 600_000 - 3_600_000 + ms), startMs + 600_000 + ms, 5_000)
  }
  live(history, startMs + 660_000, 60_000)
  const points = history.lastMinutes(all, startMs + 720_000)
  assert.equal(points.length, 59 + 1 + 5)
  assert.deepEqual(log.lines, [])
})

test('a calendar that stays back gets its future forgotten, on disk too, and goes on', async () => {
  const disk = new MemoryDisk()
  const log = new LogLines()
  const history = new History(disk, log)
  live(history, startMs, 3_600_000)
  const backMs = startMs + 600_000
  for (let ms = 0; ms < 1_200_000; ms += 5_000) {
    history.add(sampleAt(backMs + ms), startMs + 3_600_000 + ms, 5_000)
  }
  await history.flush()
  const times = timesOf((await reopened(disk)).lastMinutes(all, startMs + 4_000_000))
  assert.deepEqual(
    times,
    [...new Set(times)].sort((a, b) => a - b),
  )
  assert.ok(times.at(-1)! <= backMs + 1_200_000)
  assert.ok(times.includes(startMs + 300_000), 'the past is kept')
  assert.deepEqual(log.lines, ['calendar went back, later history forgotten'])
})

test('a disk that refuses is told of once, and history goes on in memory and back to disk', async () => {
  const disk = new MemoryDisk()
  const log = new LogLines()
  const history = new History(disk, log)
  disk.full = true
  live(history, startMs, 300_000)
  await history.flush()
  assert.deepEqual(log.lines, ['history is not stored'])
  disk.full = false
  live(history, startMs + 300_000, 120_000)
  await history.flush()
  assert.deepEqual(log.lines, ['history is not stored', 'history is stored again'])
  assert.equal(history.lastMinutes(all, startMs + 420_000).length, 41)
})

test('a value that this version cannot read is a gap, not a failure', async () => {
  const disk = new MemoryDisk()
  const before = new History(disk, new LogLines())
  live(before, startMs, 185_000)
  await before.flush()
  const [first, second] = disk.entries.keys()
  disk.entries.set(first!, new Uint8Array([9, 9, 9]))
  disk.entries.set(`${second}x`, new Uint8Array([1]))
  const points = (await reopened(disk)).lastMinutes(all, startMs + 185_000)
  assert.equal(points[0]!.atMs, startMs + 60_000 + pointMs)
})

const share = fc.double({ min: 0, max: 1, noNaN: true }).map(Math.fround)
const count = fc.nat({ max: 2 ** 50 })
const figures = fc.record(
  {
    cpu: share,
    load1: share,
    agentCpu: share,
    memoryUsedBytes: count,
    diskAvailableBytes: count,
    receivedBytesPerSecond: count,
    sentBytesPerSecond: count,
    agentResidentBytes: count,
  },
  {
    requiredKeys: [
      'memoryUsedBytes',
      'diskAvailableBytes',
      'receivedBytesPerSecond',
      'sentBytesPerSecond',
      'agentResidentBytes',
    ],
  },
)

test('law: a minute reads back as it was written, with what was absent absent', () => {
  const places = fc.uniqueArray(fc.nat({ max: 5 }))
  fc.assert(
    fc.property(
      fc.nat({ max: 1e8 }),
      places,
      fc.infiniteStream(figures),
      (chunk, taken, stream) => {
        const points = taken
          .sort((a, b) => a - b)
          .map((place) => ({
            ...stream.next().value,
            atMs: spanOf(chunk).fromMs + place * pointMs,
          }))
        assert.ok(points.every(({ atMs }) => chunkOf(atMs) === chunk))
        assert.deepEqual(decodeChunk(chunk, encodeChunk(chunk, points)), points)
      },
    ),
  )
})

test('law: whatever bytes are found, reading them yields ordered points of that minute or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, versioned) => {
      if (versioned && bytes.length > 0) bytes[0] = 1
      const times = timesOf(decodeChunk(7, bytes) ?? [])
      assert.ok(times.every((atMs, i) => chunkOf(atMs) === 7 && (i === 0 || atMs > times[i - 1]!)))
    }),
  )
})

test('law: a ring is the newest of a plain list that does the same', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 1, arbitrary: fc.record({ dropBefore: fc.nat({ max: 100 }) }) },
    { weight: 1, arbitrary: fc.record({ dropFrom: fc.nat({ max: 100 }) }) },
  )
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.nat({ max: 100 }),
      fc.nat({ max: 100 }),
      (steps, from, to) => {
        const ring = new HistoryRing(7)
        let list: HistoryPoint[] = []
        for (const each of steps) {
          if ('push' in each) {
            const atMs = (list.at(-1)?.atMs ?? 0) + each.push
            const point = {
              atMs,
              memoryUsedBytes: atMs * 3,
              diskAvailableBytes: 1,
              receivedBytesPerSecond: 2,
              sentBytesPerSecond: 3,
              agentResidentBytes: 4,
              ...(atMs % 2 === 0 && { cpu: atMs }),
            }
            ring.push(point)
            list = [...list, point].slice(-7)
          } else if ('dropBefore' in each) {
            ring.dropBefore(each.dropBefore)
            list = list.filter(({ atMs }) => atMs >= each.dropBefore)
          } else {
            ring.dropFrom(each.dropFrom)
            list = list.filter(({ atMs }) => atMs < each.dropFrom)
          }
          assert.equal(ring.size, list.length)
        }
        assert.deepEqual(
          ring.between(from, to),
          list.filter(({ atMs }) => atMs >= from && atMs < to),
        )
      },
    ),
  )
})

test('law: however the calendar jumps and the agent restarts, times strictly grow', async () => {
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ live: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 2, arbitrary: fc.record({ jump: fc.integer({ min: -7_200, max: 7_200 }) }) },
    { weight: 1, arbitrary: fc.constant({ restart: true as const }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 15 }), async (events) => {
      const disk = new MemoryDisk()
      let history = await reopened(disk)
      let wallMs = startMs
      let nowMs = 0
      for (const each of events) {
        if ('restart' in each) {
          await history.flush()
          history = await reopened(disk)
        } else if ('jump' in each) {
          wallMs += each.jump * 1_000
        } else {
          for (let s = 0; s < each.live; s += 5) {
            history.add(sampleAt(wallMs, 0.1), nowMs, 5_000)
            wallMs += 5_000
            nowMs += 5_000
          }
        }
        const times = timesOf(history.lastMinutes(all, all))
        assert.ok(times.every((atMs, i) => i === 0 || atMs > times[i - 1]!))
      }
      await history.flush()
      assert.deepEqual(
        (await reopened(disk)).lastMinutes(all, wallMs),
        history.lastMinutes(all, wallMs),
      )
    }),
    // A minute, then long enough in the past: nothing was left to write, and the disk kept its future.
    { numRuns: 60, examples: [[[{ live: 61 }, { jump: -356 }, { live: 301 }]]] },
  )
})
