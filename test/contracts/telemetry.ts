/** What every `Telemetry` promises. */
import assert from 'node:assert/strict'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Sample, Telemetry } from '../../protocol/ports/telemetry.ts'
import { outcome, type Subject } from './passage.ts'
import { promising } from './promise.ts'

export interface TelemetrySubject extends Subject {
  telemetry: Telemetry
  clock: Clock
}

export function telemetryContract(
  name: string,
  make: () => Promise<TelemetrySubject> | TelemetrySubject,
): void {
  const it = promising(name, make)

  it('the facts name the host and bound what may be used by what is there', async (subject) => {
    const facts = await outcome(subject, 'facts', subject.telemetry.facts())
    for (const text of [facts.hostname, facts.platform, facts.kernel, facts.arch, facts.cpuModel]) {
      assert.ok(text.length > 0)
    }
    assert.ok(Number.isInteger(facts.cores) && facts.cores >= 1)
    assert.ok(facts.coresUsable > 0 && facts.coresUsable <= facts.cores)
    assert.ok(facts.memoryBytes > 0)
    assert.ok(facts.memoryUsableBytes > 0 && facts.memoryUsableBytes <= facts.memoryBytes)
    assert.ok(['container', 'virtual', 'physical', 'unknown'].includes(facts.kind))
  })

  it('the facts stay the same', async (subject) => {
    const first = await outcome(subject, 'facts', subject.telemetry.facts())
    await subject.advance(50)
    assert.deepEqual(await outcome(subject, 'facts', subject.telemetry.facts()), first)
  })

  it('a first sample has no rates yet: there is nothing before it', ({ telemetry, clock }) => {
    const beforeMs = clock.wall()
    const sample = telemetry.sample()
    assert.equal(sample.cpu, undefined)
    assert.equal(sample.cpuPerCore, undefined)
    assert.equal(sample.agent.cpu, undefined)
    assert.ok(sample.takenAtMs >= beforeMs && sample.takenAtMs <= clock.wall())
    checkAmounts(sample)
  })

  it('later samples tell how busy the host has been since', async ({ telemetry, advance }) => {
    telemetry.sample()
    for (let i = 0; i < 3; i++) {
      await advance(200)
      const sample = telemetry.sample()
      assert.ok(sample.cpu !== undefined && sample.cpu >= 0 && sample.cpu <= 1)
      for (const share of sample.cpuPerCore ?? []) assert.ok(share >= 0 && share <= 1)
      assert.ok(sample.agent.cpu !== undefined && sample.agent.cpu >= 0)
      checkAmounts(sample)
    }
  })

  it('samples move on in time', async ({ telemetry, advance }) => {
    const first = telemetry.sample()
    await advance(1_100)
    const second = telemetry.sample()
    assert.ok(second.takenAtMs > first.takenAtMs)
    assert.ok(second.uptimeSeconds > first.uptimeSeconds)
  })
}

function checkAmounts(sample: Sample): void {
  assert.ok(sample.memoryTotalBytes > 0)
  assert.ok(sample.memoryAvailableBytes >= 0)
  assert.ok(sample.memoryAvailableBytes <= sample.memoryTotalBytes)
  const { swapTotalBytes, swapUsedBytes } = sample
  assert.equal(swapTotalBytes === undefined, swapUsedBytes === undefined, 'both or neither')
  if (swapTotalBytes !== undefined && swapUsedBytes !== undefined) {
    assert.ok(swapUsedBytes >= 0 && swapUsedBytes <= swapTotalBytes)
  }
  assert.ok(sample.uptimeSeconds > 0)
  assert.ok(sample.agent.residentBytes > 0 && sample.agent.heapUsedBytes > 0)
  assert.ok(sample.disks.length > 0, 'the file system of the data directory is always there')
  for (const disk of sample.disks) {
    assert.ok(disk.totalBytes > 0)
    assert.ok(disk.availableBytes >= 0 && disk.availableBytes <= disk.totalBytes)
    assert.ok((disk.readBytesPerSecond ?? 0) >= 0 && (disk.writtenBytesPerSecond ?? 0) >= 0)
  }
  for (const network of sample.network) {
    assert.ok(network.receivedBytesPerSecond >= 0 && network.sentBytesPerSecond >= 0)
  }
  for (const load of sample.load ?? []) assert.ok(load >= 0)
  for (const { cpu, memory, io } of sample.pressure ? [sample.pressure] : []) {
    for (const share of [cpu, memory, io]) assert.ok(share >= 0)
  }
}
