/**
 * Telemetry for platforms without /proc. A sample is what the runtime itself can tell, since asking
 * anything more of those platforms starts programs; facts are asked of systeminformation, once.
 *
 * Rates of disks and interfaces, temperatures and pressure are not offered.
 */
import { realpathSync, statfsSync } from 'node:fs'
import {
  arch,
  availableParallelism,
  cpus,
  hostname,
  loadavg,
  release,
  totalmem,
  uptime,
} from 'node:os'
import { parse } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../../../protocol/ports/clock.ts'
import type { DiskSample, HostFacts, Sample, Telemetry } from '../../../protocol/ports/telemetry.ts'
import { telemetryLimits } from '../limits.ts'
import type { CpuTimes } from './cpu-times.ts'
import type { SwapFigures } from './memory-figures.ts'
import { type Counters, noRates, type Rates, ratesBetween } from './rates.ts'

export class PortableTelemetry implements Telemetry {
  readonly #clock: Clock
  readonly #dataDirectory: string
  #before: Counters | undefined
  #rates: Rates = noRates
  /** As they were when the facts were gathered: following them would start a program each time. */
  #swap: SwapFigures | undefined

  constructor(clock: Clock, dataDirectory: string) {
    this.#clock = clock
    this.#dataDirectory = realpathSync(dataDirectory)
  }

  async facts(): Promise<HostFacts> {
    // Loaded only here: an agent on Linux never needs its megabytes.
    const inventory = await import('systeminformation')
    const [cpu, memory, system] = await Promise.all([
      inventory.cpu(),
      inventory.mem(),
      inventory.system(),
    ])
    this.#swap = { swapTotalBytes: memory.swaptotal, swapUsedBytes: memory.swapused }
    return {
      hostname: hostname(),
      platform: process.platform,
      kernel: release(),
      arch: arch(),
      cpuModel: [cpu.manufacturer, cpu.brand].join(' ').trim() || 'unknown',
      cores: cpus().length,
      coresUsable: availableParallelism(),
      memoryBytes: totalmem(),
      memoryUsableBytes: usableMemoryBytes(),
      kind: system.virtual ? 'virtual' : 'physical',
    }
  }

  sample(): Sample {
    const rates = this.#takeRates(this.#clock.now())
    const memoryTotalBytes = usableMemoryBytes()
    const [one = 0, five = 0, fifteen = 0] = loadavg()
    return {
      takenAtMs: this.#clock.wall(),
      ...(rates.cpu !== undefined && { cpu: rates.cpu }),
      ...(rates.cpuPerCore && { cpuPerCore: rates.cpuPerCore }),
      // Windows has no load, and the runtime says zero for it.
      ...(process.platform !== 'win32' && { load: [one, five, fifteen] as const }),
      memoryTotalBytes,
      memoryAvailableBytes: Math.min(process.availableMemory(), memoryTotalBytes),
      ...this.#swap,
      disks: sampleDisks(this.#dataDirectory),
      network: [],
      temperatures: [],
      uptimeSeconds: uptime(),
      agent: {
        ...(rates.agentCpu !== undefined && { cpu: rates.agentCpu }),
        residentBytes: process.memoryUsage.rss(),
        heapUsedBytes: getHeapStatistics().used_heap_size,
      },
    }
  }

  close(): void {}

  #takeRates(readMs: number): Rates {
    if (this.#before && readMs - this.#before.readMs < telemetryLimits.rateIntervalMsMin) {
      return this.#rates
    }
    const { user, system } = process.cpuUsage()
    const now: Counters = {
      readMs,
      cpu: cpuTimes(),
      groupCpuMs: undefined,
      agentCpuMs: (user + system) / 1000,
      disks: new Map(),
      network: new Map(),
    }
    if (this.#before) {
      const bounds = { quotaCores: undefined, allowedCores: new Set<number>() }
      this.#rates = ratesBetween(this.#before, now, bounds)
    }
    this.#before = now
    return this.#rates
  }
}

function cpuTimes(): CpuTimes {
  const all = { busy: 0, idle: 0 }
  const cores = new Map<number, { busy: number; idle: number }>()
  for (const [core, { times }] of cpus().entries()) {
    const busy = times.user + times.nice + times.sys + times.irq
    all.busy += busy
    all.idle += times.idle
    cores.set(core, { busy, idle: times.idle })
  }
  return { all, cores }
}

/** The runtime's limit is 0 where there is none, or a number near 2^64. */
function usableMemoryBytes(): number {
  const limitBytes = process.constrainedMemory()
  return limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem()
}

function sampleDisks(dataDirectory: string): DiskSample[] {
  try {
    const { blocks, bavail, bsize } = statfsSync(dataDirectory)
    const mount = parse(dataDirectory).root
    return [{ mount, totalBytes: blocks * bsize, availableBytes: bavail * bsize }]
  } catch {
    return []
  }
}
