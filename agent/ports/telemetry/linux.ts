/**
 * A Linux host's telemetry, read from /proc and /sys: a sample is a dozen reads of open files, with
 * no child process and nothing asynchronous. Limits of a container are respected throughout:
 * "total" is what this agent may use.
 */
import { readFileSync, realpathSync, statfsSync } from 'node:fs'
import { freemem, totalmem, uptime } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../../../protocol/ports/clock.ts'
import type {
  DiskSample,
  HostFacts,
  PressureSample,
  Sample,
  Telemetry,
} from '../../../protocol/ports/telemetry.ts'
import { telemetryLimits } from '../limits.ts'
import { type Confinement, findConfinement } from './confinement.ts'
import { parseCpuTimes } from './cpu-times.ts'
import { parseDiskstats } from './disk-counters.ts'
import { gatherFacts } from './host-facts.ts'
import { KeptFile } from './kept-file.ts'
import { type DiskTarget, diskTargets, outwardInterfaces } from './layout.ts'
import { type MemoryFigures, parseMeminfo } from './memory-figures.ts'
import { parseMountinfo } from './mounts.ts'
import { parseNetDev } from './network-counters.ts'
import { parsePressure } from './pressure.ts'
import { type Counters, noRates, type Rates, ratesBetween } from './rates.ts'
import { columns, number } from './scan-text.ts'
import { Thermometers } from './thermometers.ts'

export interface LinuxTelemetryOptions {
  clock: Clock
  /** The file system that it is on comes first among the disks. It must exist. */
  dataDirectory: string
  /** Where the kernel's file systems are: `/proc` and `/sys`, or a recording of them. */
  proc: string
  sys: string
}

export class LinuxTelemetry implements Telemetry {
  readonly #options: LinuxTelemetryOptions
  readonly #files: ReturnType<typeof keepFiles>
  readonly #thermometers: Thermometers
  #confinement: Confinement
  #disks: DiskTarget[] = []
  #devices: ReadonlySet<string> = new Set()
  #interfaces: ReadonlySet<string> = new Set()
  #layoutMs: number
  #before: Counters | undefined
  #rates: Rates = noRates

  constructor(options: LinuxTelemetryOptions) {
    this.#options = { ...options, dataDirectory: realpathSync(options.dataDirectory) }
    this.#files = keepFiles(options.proc)
    this.#thermometers = new Thermometers(readOnce, options.sys)
    this.#confinement = findConfinement(readOnce, options.proc)
    this.#layoutMs = options.clock.now()
    this.#lookAround()
  }

  async facts(): Promise<HostFacts> {
    const { proc, sys } = this.#options
    return gatherFacts(readOnce, { proc, sys, confinement: this.#confinement })
  }

  sample(): Sample {
    const nowMs = this.#options.clock.now()
    if (nowMs - this.#layoutMs >= telemetryLimits.layoutIntervalMs) {
      this.#layoutMs = nowMs
      this.#confinement.close()
      this.#confinement = findConfinement(readOnce, this.#options.proc)
      this.#lookAround()
    }
    const rates = this.#takeRates(this.#readCounters(nowMs))
    const memory = this.#memory()
    const load = parseLoad(this.#files.loadavg.read() ?? '')
    const pressure = this.#pressure()
    return {
      takenAtMs: this.#options.clock.wall(),
      ...(rates.cpu !== undefined && { cpu: rates.cpu }),
      ...(rates.cpuPerCore && { cpuPerCore: rates.cpuPerCore }),
      ...(load && { load }),
      memoryTotalBytes: memory.totalBytes,
      memoryAvailableBytes: memory.availableBytes,
      ...memory.swap,
      disks: this.#disks.flatMap((target) => sampleDisk(target, rates)),
      network: rates.network,
      temperatures: this.#thermometers.read(nowMs),
      ...(pressure && { pressure }),
      uptimeSeconds: number(columns(this.#files.uptime.read() ?? '')[0]) ?? uptime(),
      agent: {
        ...(rates.agentCpu !== undefined && { cpu: rates.agentCpu }),
        residentBytes: process.memoryUsage.rss(),
        heapUsedBytes: getHeapStatistics().used_heap_size,
      },
    }
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close()
    this.#thermometers.close()
    this.#confinement.close()
  }

  /** Mounts, interfaces and limits change while a host runs, though rarely. */
  #lookAround(): void {
    const { proc, sys, dataDirectory } = this.#options
    const mounts = parseMountinfo(readOnce(`${proc}/self/mountinfo`) ?? '')
    this.#disks = diskTargets(mounts, dataDirectory)
    this.#devices = new Set(this.#disks.flatMap(({ device }) => device ?? []))
    const names = parseNetDev(this.#files.netDev.read() ?? '').keys()
    this.#interfaces = outwardInterfaces(names, sys)
  }

  #readCounters(readMs: number): Counters {
    const { user, system } = process.cpuUsage()
    const network = [...parseNetDev(this.#files.netDev.read() ?? '')]
      .filter(([name]) => this.#interfaces.has(name))
      .slice(0, telemetryLimits.interfacesMax)
    return {
      readMs,
      cpu: parseCpuTimes(this.#files.stat.read() ?? ''),
      groupCpuMs: this.#confinement.cpu?.usedMs(),
      agentCpuMs: (user + system) / 1000,
      disks: parseDiskstats(this.#files.diskstats.read() ?? '', this.#devices),
      network: new Map(network),
    }
  }

  #takeRates(now: Counters): Rates {
    if (!this.#before) {
      this.#before = now
    } else if (now.readMs - this.#before.readMs >= telemetryLimits.rateIntervalMsMin) {
      this.#rates = ratesBetween(this.#before, now, {
        quotaCores: this.#confinement.cpu?.cores,
        allowedCores: this.#confinement.allowedCores,
      })
      this.#before = now
    }
    return this.#rates
  }

  #memory(): MemoryFigures {
    const figures = parseMeminfo(this.#files.meminfo.read() ?? '') ?? {
      totalBytes: totalmem(),
      availableBytes: freemem(),
    }
    for (const limit of this.#confinement.memory) {
      figures.totalBytes = Math.min(figures.totalBytes, limit.limitBytes)
      const availableBytes = limit.availableBytes() ?? figures.availableBytes
      figures.availableBytes = Math.min(figures.availableBytes, availableBytes)
    }
    return figures
  }

  #pressure(): PressureSample | undefined {
    const cpu = parsePressure(this.#files.pressureCpu.read() ?? '')
    const memory = parsePressure(this.#files.pressureMemory.read() ?? '')
    const io = parsePressure(this.#files.pressureIo.read() ?? '')
    if (cpu === undefined || memory === undefined || io === undefined) return undefined
    return { cpu, memory, io }
  }
}

function keepFiles(proc: string) {
  return {
    stat: new KeptFile(`${proc}/stat`),
    loadavg: new KeptFile(`${proc}/loadavg`),
    meminfo: new KeptFile(`${proc}/meminfo`),
    // Through `self`, so that it is this process's network namespace in a recording as well.
    netDev: new KeptFile(`${proc}/self/net/dev`),
    diskstats: new KeptFile(`${proc}/diskstats`),
    pressureCpu: new KeptFile(`${proc}/pressure/cpu`),
    pressureMemory: new KeptFile(`${proc}/pressure/memory`),
    pressureIo: new KeptFile(`${proc}/pressure/io`),
    uptime: new KeptFile(`${proc}/uptime`),
  }
}

function readOnce(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function sampleDisk(target: DiskTarget, rates: Rates): DiskSample[] {
  try {
    const { blocks, bavail, bsize } = statfsSync(target.path)
    const moved = target.device === undefined ? undefined : rates.disks.get(target.device)
    const figures = { totalBytes: blocks * bsize, availableBytes: bavail * bsize }
    return [{ mount: target.mount, ...figures, ...moved }]
  } catch {
    return []
  }
}

function parseLoad(text: string): [number, number, number] | undefined {
  const [one, five, fifteen] = columns(text).map(number)
  if (one === undefined || five === undefined || fifteen === undefined) return undefined
  return [one, five, fifteen]
}
