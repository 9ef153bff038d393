/** What the kernel writes, as other kernels and other machines write it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  groupDirectories,
  parseCpuMax,
  parseGroupPaths,
  quotaCores,
  statFigure,
} from '../../agent/ports/telemetry/control-groups.ts'
import { advance } from '../../agent/ports/telemetry/counters.ts'
import { busyShare, busyShares, parseCpuTimes } from '../../agent/ports/telemetry/cpu-times.ts'
import { parseDiskstats } from '../../agent/ports/telemetry/disk-counters.ts'
import { parseCpuModel, usableCores } from '../../agent/ports/telemetry/host-facts.ts'
import { parseMeminfo } from '../../agent/ports/telemetry/memory-figures.ts'
import { mountOf, parseMountinfo } from '../../agent/ports/telemetry/mounts.ts'
import { parseNetDev } from '../../agent/ports/telemetry/network-counters.ts'
import { parsePressure } from '../../agent/ports/telemetry/pressure.ts'
import { numberList } from '../../agent/ports/telemetry/scan-text.ts'
import { parseMillidegrees } from '../../agent/ports/telemetry/thermometers.ts'

test('CPU time counts waiting for disks as idle and stolen time as busy', () => {
  const times = parseCpuTimes(
    'cpu  10 1 5 100 7 2 3 4 10 1\ncpu0 10 1 5 100 7 2 3 4 10 1\nintr 1\n',
  )
  assert.deepEqual(times?.all, { busy: 25, idle: 107 })
})

test('a kernel that tells only four columns is understood', () => {
  assert.deepEqual(parseCpuTimes('cpu 10 1 5 100\n')?.all, { busy: 16, idle: 100 })
})

test('cores keep their numbers on a machine of 192 with some switched off', () => {
  const present = Array.from({ length: 192 }, (_, i) => i).filter((i) => i % 5 !== 3)
  const text = `cpu  1 1 1 1\n${present.map((i) => `cpu${i} ${i} 0 0 ${2 * i} 0 0 0 0 0 0`).join('\n')}\nintr 5 5\nctxt 9\n`
  const times = parseCpuTimes(text)
  assert.deepEqual([...times!.cores.keys()], present)
  assert.deepEqual(times!.cores.get(191), { busy: 191, idle: 382 })
})

test('a reading that was cut off in the middle of a line loses that line and no more', () => {
  const times = parseCpuTimes('cpu  4 0 0 4 0 0 0 0 0 0\ncpu0 2 0 0 2 0 0 0 0 0 0\ncpu1 2 0 0')
  assert.deepEqual([...times!.cores.keys()], [0])
})

test('no reading at all is undefined, not zero', () => {
  assert.equal(parseCpuTimes(''), undefined)
  assert.equal(parseMeminfo(''), undefined)
  assert.equal(parsePressure(''), undefined)
  assert.equal(parseNetDev('').size, 0)
})

test('a busy share lies between 0 and 1, whatever the counters do', () => {
  const time = fc.record({ busy: fc.nat(), idle: fc.nat() })
  fc.assert(
    fc.property(time, time, (before, now) => {
      const share = busyShare(before, now)
      assert.ok(share === undefined || (share >= 0 && share <= 1))
    }),
  )
})

test('two readings at the same moment tell no share, rather than an idle machine', () => {
  assert.equal(busyShare({ busy: 5, idle: 5 }, { busy: 5, idle: 5 }), undefined)
})

test('an idle counter that steps back, as iowait does, counts as nothing', () => {
  assert.equal(busyShare({ busy: 0, idle: 100 }, { busy: 10, idle: 95 }), 1)
})

test('shares are told for the allowed cores only', () => {
  const before = parseCpuTimes('cpu 0 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\nintr\n')!
  const now = parseCpuTimes('cpu 3 0 0 5\ncpu0 3 0 0 1\ncpu1 0 0 0 4\nintr\n')!
  assert.deepEqual(busyShares(before, now, new Set()), [0.75, 0])
  assert.deepEqual(busyShares(before, now, new Set([1, 7])), [0])
})

test('a counter never runs backwards: one that was reset counts from zero', () => {
  assert.equal(advance(1_000, 1_500), 500)
  assert.equal(advance(4_294_967_000, 200), 200)
  fc.assert(fc.property(fc.nat(), fc.nat(), (before, now) => advance(before, now) >= 0))
})

test('a kernel without MemAvailable is estimated from what it does tell', () => {
  const text =
    'MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 300 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n'
  assert.deepEqual(parseMeminfo(text), {
    totalBytes: 1_024_000,
    availableBytes: 420 * 1024,
    swap: { swapTotalBytes: 0, swapUsedBytes: 0 },
  })
})

test('cached swap is not mistaken for cached files, nor more told than there is', () => {
  const text =
    'MemTotal: 1000 kB\nMemAvailable: 2000 kB\nSwapCached: 999 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n'
  const memory = parseMeminfo(text)
  assert.equal(memory?.availableBytes, 1_024_000)
  assert.equal(memory?.swap?.swapUsedBytes, 30 * 1024)
  assert.equal(parseMeminfo('MemTotal: 1000 kB\nSwapCached: 9 kB\n')?.availableBytes, 0)
})

test('a kernel that says nothing of swap is not taken to have none', () => {
  assert.equal('swap' in parseMeminfo('MemTotal: 1000 kB\nMemAvailable: 9 kB\n')!, false)
})

test('interfaces are read with or without a space after their name, and without the loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:    3193      29    0    0    0     0          0         0     3193      29    0
eth0:255692159 7752 0 0 0 0 0 0 641200 4920 0 0 0 0 0 0
eth0:1: 18446744073709551615 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0
`
  const interfaces = parseNetDev(text)
  assert.deepEqual([...interfaces.keys()], ['eth0', 'eth0:1'])
  assert.deepEqual(interfaces.get('eth0'), { receivedBytes: 255_692_159, sentBytes: 641_200 })
})

test('a disk is found by number or by name, with sectors of 512 bytes', () => {
  const text = ` 254       0 vda 13714 8888 2000 6601 2497 26800 100 4794 0 3044 11615 3148 74 44560 219 4 0
 259       0 nvme0n1 1 0 8 1 1 0 16 1 0 1 1
   8       1 sda1 5 6 7 8
`
  const disks = parseDiskstats(text, new Set(['254:0', 'nvme0n1', '8:1', 'gone']))
  assert.deepEqual(
    [...disks],
    [
      ['254:0', { readBytes: 1_024_000, writtenBytes: 51_200 }],
      ['nvme0n1', { readBytes: 4_096, writtenBytes: 8_192 }],
    ],
  )
})

const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 8:17 /sub /srv/with\\040space rw shared:5 master:1 - xfs /dev/sdb1 rw
31 30 8:18 / /srv/with\\040space rw - ext4 /dev/sdb2 rw
32 27 0:31 / /srv/with rw - tmpfs none rw
`

test('a path belongs to the longest mount above it, and the topmost of the same path', () => {
  const mounts = parseMountinfo(mountinfo)
  assert.equal(mountOf(mounts, '/srv/with space/data')?.device, '8:18')
  assert.equal(mountOf(mounts, '/srv/without')?.device, '254:0')
  assert.equal(mountOf(mounts, '/procession')?.device, '254:0')
})

test('pressure is a share, and absent where the kernel has none', () => {
  assert.equal(
    parsePressure('some avg10=12.50 avg60=0.03 avg300=0.18 total=9\nfull avg10=1.00\n'),
    0.125,
  )
  assert.equal(parsePressure('some\n'), undefined)
})

test('sensors that are broken or unplugged tell nothing', () => {
  assert.equal(parseMillidegrees('45500\n'), 45.5)
  assert.equal(parseMillidegrees('-128000\n'), undefined)
  assert.equal(parseMillidegrees('255000\n'), undefined)
  assert.equal(parseMillidegrees('N/A\n'), undefined)
  assert.equal(parseMillidegrees(undefined), undefined)
})

test('control groups of both versions are told apart, with colons in their names', () => {
  const paths = parseGroupPaths('4:memory:/a:b\n2:cpu,cpuacct:/c\n0::/system.slice/x.service\n')
  assert.equal(paths.get('memory'), '/a:b')
  assert.equal(paths.get('cpuacct'), '/c')
  assert.equal(paths.get(''), '/system.slice/x.service')
})

test('a group’s directories end at the mount, also where the container sees a part of the tree', () => {
  const mount = (root: string) => parseMountinfo(`1 2 0:9 ${root} /cg rw - cgroup2 c rw\n`)[0]!
  assert.deepEqual(groupDirectories(mount('/'), '/a/b'), ['/cg/a/b', '/cg/a', '/cg'])
  assert.deepEqual(groupDirectories(mount('/docker/x'), '/docker/x/y'), ['/cg/y', '/cg'])
  assert.deepEqual(groupDirectories(mount('/docker/x'), '/docker/xy'), ['/cg'])
  assert.deepEqual(groupDirectories(mount('/'), '/../../other'), ['/cg'])
})

test('quotas are cores, and no quota is none', () => {
  assert.equal(parseCpuMax('150000 100000\n'), 1.5)
  assert.equal(parseCpuMax('max 100000\n'), undefined)
  assert.equal(quotaCores(-1, 100_000), undefined)
  assert.equal(quotaCores(50_000, 0), undefined)
})

test('a figure is found by its whole name', () => {
  const text = 'total_inactive_file 5\ninactive_file 7\ninactive 9\n'
  assert.equal(statFigure(text, 'inactive_file'), 7)
  assert.equal(statFigure(text, 'file'), undefined)
})

test('usable cores are those present and allowed, or the quota if it is less', () => {
  const cpu = (cores: number) => ({ cores, usedMs: () => 0 })
  const allowed = (text: string) => new Set(numberList(text))
  const present = [0, 1, 2, 3]
  assert.equal(usableCores(present, 4, { cpu: undefined, allowedCores: new Set() }), 4)
  assert.equal(usableCores(present, 4, { cpu: undefined, allowedCores: allowed('0-127') }), 4)
  assert.equal(usableCores(present, 4, { cpu: undefined, allowedCores: allowed('1,3,64-70') }), 2)
  assert.equal(usableCores(present, 4, { cpu: cpu(0.5), allowedCores: allowed('0-3') }), 0.5)
  assert.equal(usableCores(present, 4, { cpu: cpu(8), allowedCores: allowed('0-3') }), 4)
})

test('a processor is named as the kernel of its kind names it', () => {
  assert.equal(
    parseCpuModel('processor\t: 0\nmodel\t\t: 167\nmodel name\t: Intel(R)  Xeon(R) Processor\n'),
    'Intel(R) Xeon(R) Processor',
  )
  assert.equal(
    parseCpuModel('processor\t: 0\nBogoMIPS\t: 108\nModel\t\t: Raspberry Pi 4\n'),
    'Raspberry Pi 4',
  )
  assert.equal(parseCpuModel('processor\t: 0\nCPU part\t: 0xd0c\n'), undefined)
})
