/** The `Telemetry` port: a machine's scripted load, its programs, its disk and its wires. */
import type { Clock } from '../../protocol/ports/clock.ts'
import type { HostFacts, Sample, Telemetry } from '../../protocol/ports/telemetry.ts'
import type { Host } from './host.ts'

/** Of memory that an idle machine's system takes. */
const systemMemoryShare = 0.1
/** Of the agent's resident memory. */
const heapShare = 0.4

interface Reading {
  atMs: number
  readBytes: number
  writtenBytes: number
  receivedBytes: number
  sentBytes: number
}

export class SimulatedTelemetry implements Telemetry {
  private readonly host: Host
  private readonly clock: Clock
  private before: Reading | undefined

  constructor(host: Host, clock: Clock) {
    this.host = host
    this.clock = clock
  }

  async facts(): Promise<HostFacts> {
    return this.host.machine.facts()
  }

  sample(): Sample {
    const sample = this.amounts()
    const now = this.read()
    const { before } = this
    this.before = now
    if (before === undefined || now.atMs === before.atMs) return sample
    const elapsedMs = now.atMs - before.atMs
    const perSecond = (earlier: number, later: number) => ((later - earlier) * 1000) / elapsedMs
    const { machine } = this.host
    sample.cpu = machine.busy(before.atMs, now.atMs)
    sample.cpuPerCore = new Array<number>(machine.options.cores).fill(sample.cpu)
    sample.agent.cpu = machine.options.agentCpu
    const [disk] = sample.disks
    if (disk !== undefined) {
      disk.readBytesPerSecond = perSecond(before.readBytes, now.readBytes)
      disk.writtenBytesPerSecond = perSecond(before.writtenBytes, now.writtenBytes)
    }
    sample.network.push({
      interface: 'sim0',
      receivedBytesPerSecond: perSecond(before.receivedBytes, now.receivedBytes),
      sentBytesPerSecond: perSecond(before.sentBytes, now.sentBytes),
    })
    return sample
  }

  /** What needs no sample before it. */
  private amounts(): Sample {
    const { machine, platter, processTable, time } = this.host
    const { memoryBytes, agentResidentBytes, cores } = machine.options
    const { capacityBytes } = platter.options
    const usedBytes =
      systemMemoryShare * memoryBytes + agentResidentBytes + processTable.memoryBytes
    const nowMs = this.host.world.nowMs
    const load = (minutes: number) =>
      cores * machine.busy(Math.max(0, nowMs - minutes * 60_000), nowMs)
    return {
      takenAtMs: this.clock.wall(),
      load: [load(1), load(5), load(15)],
      memoryTotalBytes: memoryBytes,
      memoryAvailableBytes: Math.max(0, Math.floor(memoryBytes - usedBytes)),
      swapTotalBytes: 0,
      swapUsedBytes: 0,
      disks: [
        {
          mount: '/',
          totalBytes: capacityBytes,
          availableBytes: Math.max(0, capacityBytes - platter.usedBytes),
        },
      ],
      network: [],
      temperatures: [],
      uptimeSeconds: time.now() / 1000,
      agent: {
        residentBytes: agentResidentBytes,
        heapUsedBytes: Math.floor(agentResidentBytes * heapShare),
      },
    }
  }

  private read(): Reading {
    const { platter, network, world } = this.host
    const traffic = network?.traffic() ?? { sentBytes: 0, receivedBytes: 0 }
    const { readBytes, writtenBytes } = platter
    return { atMs: world.nowMs, readBytes, writtenBytes, ...traffic }
  }
}
