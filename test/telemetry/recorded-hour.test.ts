/**
 * Nearly an hour of a real host, looked at as its agent would: one of three agents on a machine of two
 * cores on which a whole test suite ran meanwhile (cpu 95% in the mean, memory from 0.9 to 6.9 GiB).
 * Nothing was about to be full, and nothing leaked.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type HostWarning, HostWatch } from '../../agent/telemetry/host-watch.ts'
import { Sampler } from '../../agent/telemetry/sampler.ts'
import { HandClock, LogLines, MemoryDisk, sampleAt } from './made-host.ts'

const startMs = 20_000 * 86_400_000
const memoryTotalBytes = 25_276_514_304
const diskTotalBytes = 270_553_174_016

const points = readFileSync(new URL('recorded-hour.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',').map(Number))

/** What is warned of when, besides, so much goes each minute. */
async function warned(leak: { memoryBytes?: number; diskBytes?: number }): Promise<HostWarning[]> {
  const clock = new HandClock(startMs)
  const disk = new MemoryDisk()
  const log = new LogLines()
  const found: HostWarning[] = []
  let at = 0
  const telemetry = {
    facts: () => Promise.reject(new Error('nobody asks')),
    sample: () => {
      const [, cpu = 0, memoryMib = 0, diskMib = 0, agentKib = 0] = points[at] ?? []
      const minutes = at / 6
      at = Math.min(at + 1, points.length - 1)
      const used = memoryMib * 2 ** 20 + minutes * (leak.memoryBytes ?? 0)
      const availableBytes = diskMib * 2 ** 20 - minutes * (leak.diskBytes ?? 0)
      return {
        ...sampleAt(clock.wall(), cpu),
        memoryTotalBytes,
        memoryAvailableBytes: memoryTotalBytes - used,
        disks: [{ mount: '/', totalBytes: diskTotalBytes, availableBytes }],
        agent: { residentBytes: agentKib * 2 ** 10, heapUsedBytes: 1 },
      }
    },
  }
  const pace = { intervalMsMin: 10_000, intervalMsMax: 10_000, retentionMs: 86_400_000 }
  const sampler = new Sampler({ clock, disk, log, telemetry }, pace)
  const watch = new HostWatch({
    ...{ clock, disk, log, attempts: () => 0 },
    means: (...asked) => sampler.means(...asked),
    newest: () => sampler.newest(),
    onWarning: (warning) => found.push(warning),
    onOver: () => {},
  })
  sampler.onSample = (reading) => watch.sampled(reading)
  await watch.start()
  await sampler.start()
  clock.run(points.length * 10_000)
  return found
}

const kinds = (found: readonly HostWarning[]) => found.map(({ kind }) => kind)

test('a real host under changing load gives no false alarm in nearly an hour', async () => {
  assert.ok(points.length > 280, 'most of an hour was recorded')
  assert.deepEqual(await warned({}), [])
})

test('the same host with a leak is warned of, through all the noise', async () => {
  assert.deepEqual(kinds(await warned({ diskBytes: 2 ** 29 })), ['diskFull'])
  assert.deepEqual(kinds(await warned({ memoryBytes: 160 * 2 ** 20 })), ['memoryFull'])
})
