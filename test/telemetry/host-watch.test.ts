import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HostWarning, HostWatch } from '../../agent/telemetry/host-watch.ts'
import { Sampler } from '../../agent/telemetry/sampler.ts'
import type { Sample } from '../../protocol/ports/telemetry.ts'
import { Noise } from '../watching/noise.ts'
import { HandClock, LogLines, MemoryDisk, sampleAt } from './made-host.ts'

const startMs = 20_000 * 86_400_000
const HOUR = 3_600_000
const GiB = 2 ** 30

const pace = { intervalMsMin: 10_000, intervalMsMax: 10_000, retentionMs: 24 * HOUR }

/** A host whose figures are made of the hours since it began, with noise on them. */
class WatchedHost {
  readonly clock = new HandClock(startMs)
  readonly disk = new MemoryDisk()
  readonly raised: HostWarning[] = []
  readonly over: HostWarning[] = []
  attempts = 0
  diskUsed: (hours: number) => number = () => 40 * GiB
  memoryUsed: (hours: number) => number = () => 4 * GiB
  resident: (hours: number) => number = () => 90 * 2 ** 20
  cpu: (hours: number) => number = () => 0.05
  readonly #noise = new Noise(17)

  async begin(): Promise<{ watch: HostWatch; sampler: Sampler }> {
    const telemetry = {
      facts: () => Promise.reject(new Error('nobody asks')),
      sample: () => this.#sample(),
    }
    const sampler = new Sampler({ ...this, telemetry, log: new LogLines() }, pace)
    const watch = new HostWatch({
      clock: this.clock,
      disk: this.disk,
      log: new LogLines(),
      means: (...asked) => sampler.means(...asked),
      newest: () => sampler.newest(),
      attempts: () => this.attempts,
      onWarning: (warning) => this.raised.push(warning),
      onOver: (warning) => this.over.push(warning),
    })
    sampler.onSample = (reading) => watch.sampled(reading)
    await watch.start()
    await sampler.start()
    return { watch, sampler }
  }

  #sample(): Sample {
    const hours = this.clock.now() / HOUR
    const wobble = (by: number) => by * this.#noise.normal()
    const total = 8 * GiB
    return {
      ...sampleAt(this.clock.wall(), Math.max(0, this.cpu(hours) + wobble(0.02))),
      memoryTotalBytes: total,
      memoryAvailableBytes: total - this.memoryUsed(hours) - wobble(0.05 * GiB),
      disks: [
        {
          mount: '/',
          totalBytes: 100 * GiB,
          availableBytes: 100 * GiB - this.diskUsed(hours) - wobble(0.02 * GiB),
        },
      ],
      agent: { residentBytes: this.resident(hours) + wobble(2 ** 20), heapUsedBytes: 5 },
    }
  }
}

test('a disk that fills is warned of before it is full, with how soon and how sure', async () => {
  const host = new WatchedHost()
  host.diskUsed = (hours) => 40 * GiB + hours * 20 * GiB
  const { watch } = await host.begin()
  host.clock.run(HOUR)
  assert.deepEqual(
    host.raised.map(({ kind }) => kind),
    ['diskFull'],
  )
  assert.deepEqual(watch.kinds(), ['diskFull'])
  const [warning] = watch.warnings()
  // Forty GiB are left then, at twenty an hour.
  assert.match(warning?.text ?? '', /is full in (119|12\d|11\d)m|is full in 2h/)
  assert.match(warning?.text ?? '', /nine chances in ten/)
})

test('a warning goes when what it was of has stopped, and is told to be over', async () => {
  const host = new WatchedHost()
  host.diskUsed = (hours) => (40 + 20 * Math.min(1, hours)) * GiB
  const { watch } = await host.begin()
  host.clock.run(HOUR)
  assert.deepEqual(watch.kinds(), ['diskFull'])
  host.clock.run(HOUR)
  assert.deepEqual(watch.kinds(), [])
  assert.deepEqual(
    host.over.map(({ kind }) => kind),
    ['diskFull'],
  )
})

test('memory that leaks slowly is found within hours', async () => {
  const host = new WatchedHost()
  host.memoryUsed = (hours) => 3 * GiB + hours * 0.4 * GiB
  const { watch } = await host.begin()
  host.clock.run(5.5 * HOUR)
  assert.deepEqual(watch.kinds(), ['memoryFull'])
})

test('an agent that grows without rest is told of, and one that has come to rest is not', async () => {
  const growing = new WatchedHost()
  growing.resident = (hours) => (90 + 12 * hours) * 2 ** 20
  const { watch } = await growing.begin()
  growing.clock.run(8 * HOUR)
  assert.deepEqual(watch.kinds(), ['agentGrows'])
  const warm = new WatchedHost()
  warm.resident = (hours) => (90 + 80 * (1 - Math.exp(-hours))) * 2 ** 20
  const resting = await warm.begin()
  warm.clock.run(12 * HOUR)
  assert.deepEqual(resting.watch.kinds(), [])
  assert.deepEqual(warm.raised, [])
})

test('a quiet host, one with steps, and one that is nearly full and still warn of nothing', async () => {
  const noise = new Noise(2)
  let walk = 0
  const wandered = () => {
    walk = 0.999 * walk + noise.normal() * 0.005 * GiB
    return walk
  }
  const lives: Partial<WatchedHost>[] = [
    {},
    { diskUsed: (hours) => (hours < 3 ? 40 : 85) * GiB },
    { diskUsed: () => 99 * GiB, memoryUsed: () => 7.8 * GiB },
    { memoryUsed: (hours) => (Math.floor(hours * 6) % 2 === 0 ? 2 : 7) * GiB },
    // It wanders, as page caches do.
    { memoryUsed: () => 4 * GiB + wandered() },
    { diskUsed: (hours) => (40 + 2 * Math.sin(hours / 4)) * GiB },
  ]
  for (const [i, life] of lives.entries()) {
    const host = Object.assign(new WatchedHost(), life)
    await host.begin()
    host.clock.run(16 * HOUR)
    const told = host.raised.map(({ text }) => text)
    assert.deepEqual(told, [], `life ${i}`)
  }
})

test('what is usual is unknown at first and says so; later an odd hour is told of', async () => {
  const host = new WatchedHost()
  host.cpu = (hours) => (hours % 24 >= 9 && hours % 24 < 17 ? 0.6 : 0.05)
  const { watch, sampler } = await host.begin()
  assert.match(watch.unknown() ?? '', /unknown/)
  host.clock.run(2 * 24 * HOUR)
  assert.match(watch.unknown() ?? '', /there are 2/)
  host.clock.run(2 * 24 * HOUR)
  assert.equal(watch.unknown(), undefined)
  assert.deepEqual(host.raised, [])
  // It remembers across lives.
  await sampler.stop()
  await watch.stop()
  const next = Object.assign(new WatchedHost(), { clock: host.clock, disk: host.disk })
  next.cpu = (hours) => (hours % 24 < 9 ? 0.7 : 0.05)
  const later = await next.begin()
  host.clock.run(HOUR)
  assert.deepEqual(later.watch.kinds(), ['unusualCpu'])
  assert.equal(later.watch.unknown(), undefined)
})

test('what lasts three hours is warned of for three hours', async () => {
  const host = new WatchedHost()
  const began = 4 * 24 + 10 + 1 / 3
  host.cpu = (hours) => (hours >= began && hours < began + 3 ? 0.95 : 0.05)
  const { watch } = await host.begin()
  host.clock.run(began * HOUR)
  assert.deepEqual(watch.kinds(), [])
  host.clock.run(0.4 * HOUR)
  for (let looks = 0; looks < 15; looks++) {
    assert.deepEqual(watch.kinds(), ['unusualCpu'], `${looks} looks later`)
    host.clock.run(HOUR / 6)
  }
  assert.deepEqual(host.over, [])
  host.clock.run(HOUR)
  assert.deepEqual([host.raised.length, host.over.length], [1, 1])
})

test('a disk that takes nothing costs what is kept, and nothing else', async () => {
  const host = new WatchedHost()
  host.disk.full = true
  const { watch } = await host.begin()
  host.diskUsed = (hours) => 40 * GiB + hours * 20 * GiB
  host.clock.run(2 * HOUR)
  assert.deepEqual(watch.kinds(), ['diskFull'])
  await watch.stop()
})
