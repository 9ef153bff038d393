/** This host's figures, against those of the programs that people trust. Linux only. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { SystemClock } from '../../agent/ports/clock.ts'
import { PortableTelemetry } from '../../agent/ports/telemetry/portable.ts'
import { openTelemetry, type SystemTelemetry } from '../../agent/ports/telemetry.ts'

const options = { skip: existsSync('/proc/meminfo') ? false : 'there is no /proc here' }

function open(t: TestContext): SystemTelemetry {
  const telemetry = openTelemetry(new SystemClock(), tmpdir())
  t.after(() => telemetry.close())
  return telemetry
}

function near(found: number, expected: number, what: string): void {
  const tolerance = 0.02 * Math.max(Math.abs(expected), 1)
  assert.ok(Math.abs(found - expected) <= tolerance, `${what}: ${found}, expected ${expected}`)
}

test('memory and swap are what free says', options, async (t) => {
  const telemetry = open(t)
  const facts = await telemetry.facts()
  const before = telemetry.sample()
  const lines = execFileSync('free', ['-b'], { encoding: 'latin1' }).split('\n')
  const sample = telemetry.sample()
  const columns = (line: string | undefined): number[] =>
    (line ?? '').trim().split(/\s+/).map(Number)
  const memory = columns(lines[1])
  const swap = columns(lines[2])
  near(facts.memoryBytes, memory[1]!, 'total memory')
  if (facts.memoryUsableBytes === facts.memoryBytes) {
    near(sample.memoryTotalBytes, memory[1]!, 'total memory')
    // Others use memory meanwhile: what free saw lies between the two samples, or close to one.
    const [low, high] = [before.memoryAvailableBytes, sample.memoryAvailableBytes].sort(
      (a, b) => a - b,
    )
    near(Math.min(Math.max(memory[6]!, low!), high!), memory[6]!, 'available memory')
  }
  near(sample.swapTotalBytes!, swap[1]!, 'total swap')
  near(sample.swapUsedBytes!, swap[2]!, 'used swap')
})

test('the data directory’s file system comes first, and is what df says', options, (t) => {
  const arguments_ = ['-B1', '--output=target,size,avail', tmpdir()]
  const line = execFileSync('df', arguments_, { encoding: 'utf8' }).split('\n')[1] ?? ''
  const [mount, total, available] = line.trim().split(/\s+/)
  const disk = open(t).sample().disks[0]!
  assert.equal(disk.mount, mount)
  near(disk.totalBytes, Number(total), 'size')
  near(disk.availableBytes, Number(available), 'available')
})

test('the busy share is that of /proc/stat over the same time', options, async (t) => {
  const telemetry = open(t)
  const facts = await telemetry.facts()
  if (facts.coresUsable !== facts.cores) return t.skip('this process is confined to a part')
  // A reading of its own, on purpose not the one that is tested.
  const read = (): { total: number; idle: number } => {
    const fields = readFileSync('/proc/stat', 'latin1').split('\n')[0]!.split(/\s+/).slice(1, 9)
    const times = fields.map(Number)
    return { total: times.reduce((a, b) => a + b), idle: times[3]! + times[4]! }
  }
  const before = read()
  telemetry.sample()
  const endMs = performance.now() + 1_500
  while (performance.now() < endMs) Math.sqrt(endMs)
  const { cpu, cpuPerCore, agent } = telemetry.sample()
  const now = read()
  const expected = 1 - (now.idle - before.idle) / (now.total - before.total)
  assert.ok(Math.abs(cpu! - expected) <= 0.02, `${cpu}, expected ${expected}`)
  assert.equal(cpuPerCore?.length, facts.cores)
  assert.ok(cpu! >= 0.9 / facts.cores, 'a loop keeps one core busy')
  assert.ok(agent.cpu! > 0.1, `the loop is this process's own doing: ${agent.cpu}`)
})

test('what the process itself occupies is what the kernel says', options, (t) => {
  const { agent } = open(t).sample()
  const status = readFileSync('/proc/self/status', 'latin1')
  near(agent.residentBytes, Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) * 1024, 'resident')
})

test('a first sample tells no rates, and one right after it none made of nothing', options, (t) => {
  const telemetry = open(t)
  const first = telemetry.sample()
  const second = telemetry.sample()
  assert.deepEqual([first.cpu, first.agent.cpu, first.network], [undefined, undefined, []])
  assert.deepEqual([second.cpu, second.agent.cpu, second.network], [undefined, undefined, []])
})

/** Page faults of children that this process has waited for: the kernel's count of them. */
function childFaults(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[8])
}

test(
  'a thousand samples and the facts start no program and leave no file open',
  options,
  async (t) => {
    const telemetry = open(t)
    telemetry.sample()
    const faults = childFaults()
    const files = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 1_000; i++) telemetry.sample()
    await telemetry.facts()
    assert.equal(childFaults(), faults)
    assert.equal(readdirSync('/proc/self/fd').length, files)
    spawnSync('true')
    assert.ok(childFaults() > faults, 'a program that is started would have been seen')
  },
)

test('without /proc the runtime tells the same of memory and disks', options, async (t) => {
  const telemetry = new PortableTelemetry(new SystemClock(), tmpdir())
  const portable = telemetry.sample()
  assert.equal('swapUsedBytes' in portable, false, 'not told yet, and not made up')
  const linux = open(t).sample()
  near(portable.memoryTotalBytes, linux.memoryTotalBytes, 'total memory')
  near(portable.disks[0]!.totalBytes, linux.disks[0]!.totalBytes, 'size of the disk')
  near(portable.uptimeSeconds, linux.uptimeSeconds, 'uptime')
  await telemetry.facts()
  near(telemetry.sample().swapTotalBytes!, linux.swapTotalBytes!, 'total swap')
})
