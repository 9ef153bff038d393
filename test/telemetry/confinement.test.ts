/** The same machine seen from inside limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordedHost } from './recorded-host.ts'

const stat = (busy: number, idle: number): string =>
  `cpu  ${busy} 0 0 ${idle}\ncpu0 ${busy} 0 0 0\ncpu1 0 0 0 ${idle / 3}\ncpu2 0 0 0 ${idle / 3}\ncpu3 0 0 0 ${idle / 3}\nintr 0\n`

test('under version 2, the quota and the memory of the tightest group above hold', async (t) => {
  const host = new RecordedHost(t)
  host.write('proc/stat', stat(0, 0))
  host.write('proc/self/mountinfo', '30 1 0:9 / {root}/cg rw - cgroup2 cgroup2 rw\n')
  host.write('proc/self/cgroup', '0::/outer/inner\n')
  host.write('cg/outer/cpu.max', '50000 100000\n')
  host.write('cg/outer/cpu.stat', 'usage_usec 1000000\nuser_usec 1\n')
  host.write('cg/outer/memory.max', '4096000\n')
  host.write('cg/outer/memory.current', '3072000\n')
  host.write('cg/outer/memory.stat', 'anon 1\ninactive_file 1024000\n')
  host.write('cg/outer/inner/cpu.max', 'max 100000\n')
  host.write('cg/outer/inner/memory.max', 'max\n')
  const telemetry = host.telemetry(t)
  const facts = await telemetry.facts()
  assert.equal(facts.cores, 4)
  assert.equal(facts.coresUsable, 0.5)
  assert.equal(facts.memoryBytes, 8_192_000)
  assert.equal(facts.memoryUsableBytes, 4_096_000)
  telemetry.sample()
  host.nowMs += 1_000
  host.write('proc/stat', stat(100, 300))
  host.write('cg/outer/cpu.stat', 'usage_usec 1400000\n')
  const sample = telemetry.sample()
  assert.equal(sample.memoryTotalBytes, 4_096_000)
  assert.equal(sample.memoryAvailableBytes, 2_048_000, 'idle file pages are available')
  assert.ok(Math.abs(sample.cpu! - 0.8) < 1e-9, `0.4 s of half a core's second: ${sample.cpu}`)
  assert.deepEqual(sample.cpuPerCore, [1, 0, 0, 0])
})

test('under version 1, the same holds, and its huge number means no limit', async (t) => {
  const host = new RecordedHost(t)
  host.write('proc/stat', stat(0, 0))
  host.write(
    'proc/self/mountinfo',
    `31 1 0:9 /docker/x {root}/cg/cpu rw - cgroup c rw,cpu,cpuacct
32 1 0:10 /docker/x {root}/cg/memory rw - cgroup c rw,memory
`,
  )
  host.write(
    'proc/self/cgroup',
    '3:cpu,cpuacct:/docker/x\n2:memory:/docker/x/y\n1:name=systemd:/\n',
  )
  host.write('cg/cpu/cpu.cfs_quota_us', '200000\n')
  host.write('cg/cpu/cpu.cfs_period_us', '100000\n')
  host.write('cg/cpu/cpuacct.usage', '0\n')
  host.write('cg/memory/memory.limit_in_bytes', '4096000\n')
  host.write('cg/memory/memory.usage_in_bytes', '4096000\n')
  host.write('cg/memory/memory.stat', 'inactive_file 5\ntotal_inactive_file 96000\n')
  host.write('cg/memory/y/memory.limit_in_bytes', '9223372036854771712\n')
  const telemetry = host.telemetry(t)
  assert.equal((await telemetry.facts()).coresUsable, 2)
  assert.equal((await telemetry.facts()).memoryUsableBytes, 4_096_000)
  telemetry.sample()
  host.nowMs += 2_000
  host.write('cg/cpu/cpuacct.usage', '1000000000\n')
  const sample = telemetry.sample()
  assert.equal(sample.cpu, 0.25)
  assert.equal(sample.memoryAvailableBytes, 96_000)
})

test('a process that is bound to some cores tells of those', async (t) => {
  const host = new RecordedHost(t)
  host.write('proc/stat', stat(0, 0))
  host.write('proc/self/status', 'Name:\tnode\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n')
  const telemetry = host.telemetry(t)
  assert.equal((await telemetry.facts()).coresUsable, 2)
  telemetry.sample()
  host.nowMs += 1_000
  host.write('proc/stat', stat(100, 300))
  const sample = telemetry.sample()
  assert.equal(sample.cpu, 0.5)
  assert.deepEqual(sample.cpuPerCore, [1, 0])
})

test('a limit that is lifted while the agent runs is seen to be gone', async (t) => {
  const host = new RecordedHost(t)
  host.write('proc/self/mountinfo', '30 1 0:9 / {root}/cg rw - cgroup2 cgroup2 rw\n')
  host.write('proc/self/cgroup', '0::/\n')
  host.write('cg/memory.max', '4096000\n')
  host.write('cg/memory.current', '0\n')
  const telemetry = host.telemetry(t)
  assert.equal(telemetry.sample().memoryTotalBytes, 4_096_000)
  host.write('cg/memory.max', 'max\n')
  host.nowMs += 60_000
  assert.equal(telemetry.sample().memoryTotalBytes, 8_192_000)
})

test('a host that offers nothing but memory is sampled all the same, with nothing made up', (t) => {
  const host = new RecordedHost(t)
  const telemetry = host.telemetry(t)
  telemetry.sample()
  host.nowMs += 1_000
  const sample = telemetry.sample()
  assert.deepEqual(
    [sample.cpu, sample.cpuPerCore, sample.load, sample.pressure],
    [undefined, undefined, undefined, undefined],
  )
  assert.deepEqual([sample.disks, sample.network, sample.temperatures], [[], [], []])
  assert.equal('cpu' in sample, false)
})

test('sensors are named, read at their own pace, and left alone once they fail', (t) => {
  const host = new RecordedHost(t)
  host.write('sys/class/hwmon/hwmon0/name', 'coretemp\n')
  host.write('sys/class/hwmon/hwmon0/temp1_label', 'Package id 0\n')
  host.write('sys/class/hwmon/hwmon0/temp1_input', '45000\n')
  host.write('sys/class/hwmon/hwmon1/name', 'nvme\n')
  host.write('sys/class/hwmon/hwmon1/temp1_input', 'broken\n')
  host.write('sys/class/thermal/thermal_zone0/temp', '45000\n')
  const telemetry = host.telemetry(t)
  const expected = [{ sensor: 'coretemp Package id 0', celsius: 45 }]
  assert.deepEqual(telemetry.sample().temperatures, expected)
  host.write('sys/class/hwmon/hwmon0/temp1_input', '50000\n')
  host.write('sys/class/hwmon/hwmon1/temp1_input', '30000\n')
  host.nowMs += 1_000
  assert.deepEqual(telemetry.sample().temperatures, expected, 'heat changes slowly')
  host.nowMs += 30_000
  assert.deepEqual(telemetry.sample().temperatures, [{ ...expected[0], celsius: 50 }])
})

test('what passes a bridge is not counted twice, and a container’s own interface is', (t) => {
  const host = new RecordedHost(t)
  const netDev = (bytes: number): string =>
    `head\n  eth0: ${bytes} 0 0 0 0 0 0 0 0 0\n  br0: ${bytes} 0 0 0 0 0 0 0 0 0\n`
  host.write('proc/self/net/dev', netDev(0))
  const container = host.telemetry(t)
  host.write('sys/class/net/eth0/device/vendor', '')
  const machine = host.telemetry(t)
  for (const telemetry of [container, machine]) telemetry.sample()
  host.nowMs += 500
  host.write('proc/self/net/dev', netDev(1_000))
  assert.deepEqual(machine.sample().network, [
    { interface: 'eth0', receivedBytesPerSecond: 2_000, sentBytesPerSecond: 0 },
  ])
  assert.equal(container.sample().network.length, 2)
})
