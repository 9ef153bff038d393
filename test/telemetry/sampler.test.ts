import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplingDefaults, samplingLimits } from '../../agent/telemetry/limits.ts'
import { Sampler } from '../../agent/telemetry/sampler.ts'
import type { Sample } from '../../protocol/ports/telemetry.ts'
import { HandClock, LogLines, MemoryDisk, sampleAt } from './made-host.ts'

const startMs = 1_900_000 * 86_400_000

class MadeHost {
  readonly clock = new HandClock(startMs)
  readonly disk = new MemoryDisk()
  cpu = 0.02
  samples = 0

  sampler(): Sampler {
    const telemetry = {
      facts: () => Promise.reject(new Error('the sampler asks for no facts')),
      sample: (): Sample => {
        this.samples++
        return sampleAt(this.clock.wall(), this.cpu)
      },
    }
    return new Sampler({ clock: this.clock, telemetry, disk: this.disk, log: new LogLines() })
  }
}

test('an idle host is looked at more and more rarely, and says at which pace', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  assert.equal(sampler.newest(), undefined)
  await sampler.start()
  assert.equal(sampler.newest()?.intervalMs, samplingLimits.intervalMsMin)
  host.clock.run(60_000)
  assert.equal(sampler.newest()?.intervalMs, samplingLimits.intervalMsMax)
  const before = host.samples
  host.clock.run(60_000)
  assert.equal(host.samples - before, 60_000 / samplingLimits.intervalMsMax)
})

test('a host that becomes busy is looked at every second until it is calm again', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  await sampler.start()
  host.clock.run(60_000)
  host.cpu = 0.9
  host.clock.run(samplingLimits.intervalMsMax)
  assert.equal(sampler.newest()?.intervalMs, samplingLimits.intervalMsMin)
  const before = host.samples
  host.clock.run(30_000)
  assert.ok(host.samples - before >= 29)
  host.cpu = 0.02
  host.clock.run(30_000)
  assert.equal(sampler.newest()?.intervalMs, samplingLimits.intervalMsMax)
})

test('the age of a sample is counted by the clock, whatever the calendar does', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  await sampler.start()
  host.clock.run(60_000)
  const { ageMs } = sampler.newest()!
  host.clock.jump(-3_600_000)
  host.clock.run(700)
  assert.equal(sampler.newest()!.ageMs, ageMs + 700)
})

test('an idle agent writes once a minute, and its history survives a restart', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  await sampler.start()
  host.clock.run(605_000)
  assert.equal(sampler.lastMinutes(60).length, 60)
  await sampler.stop()
  assert.ok(host.disk.writes <= 11, `${host.disk.writes} writes in ten minutes`)
  const again = host.sampler()
  await again.start()
  assert.equal(again.lastMinutes(60).length, 60)
})

test('every sample is reported, with its pace, and none after the stop', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  const paces: number[] = []
  sampler.onSample = ({ intervalMs }) => paces.push(intervalMs)
  await sampler.start()
  host.clock.run(10_000)
  assert.equal(paces.length, host.samples)
  assert.ok(paces.length > 2)
  await sampler.stop()
  host.clock.run(60_000)
  assert.equal(paces.length, host.samples)
})

test('a sampler that was stopped can be started again, and goes on where it was', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  await sampler.start()
  host.clock.run(125_000)
  await sampler.stop()
  const before = sampler.lastMinutes(60)
  host.clock.run(60_000)
  await sampler.start()
  host.clock.run(30_000)
  const after = sampler.lastMinutes(60)
  assert.deepEqual(after.slice(0, before.length), before)
  assert.ok(after.length > before.length)
})

test('another pace is obeyed at once, and none by a sampler that was stopped', async () => {
  const host = new MadeHost()
  const sampler = host.sampler()
  await sampler.start()
  host.clock.run(60_000)
  const before = host.samples
  sampler.retune({ ...samplingDefaults, intervalMsMin: 200, intervalMsMax: 400 })
  host.clock.run(400)
  assert.equal(host.samples, before + 1)
  host.clock.run(4_000)
  assert.equal(host.samples, before + 11)
  await sampler.stop()
  sampler.retune(samplingDefaults)
  host.clock.run(60_000)
  assert.equal(host.samples, before + 11)
})
