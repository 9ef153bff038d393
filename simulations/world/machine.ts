/** What a machine is made of and how busy it is, as its telemetry will report it. */
import type { HostFacts } from '../../protocol/ports/telemetry.ts'
import type { Host } from './host.ts'

export interface MachineOptions {
  cores: number
  memoryBytes: number
  /** Busy share of all cores without the programs started here, at this moment of the world. */
  load: (atMs: number) => number
  /** Share of one core that the agent itself takes. */
  agentCpu: number
  agentResidentBytes: number
  /** As a multiple of what is usual. Programs take as long as they say all the same. */
  speed: number
}

const smallServer: MachineOptions = {
  cores: 2,
  memoryBytes: 8 * 2 ** 30,
  load: () => 0.02,
  agentCpu: 0.004,
  agentResidentBytes: 96 * 2 ** 20,
  speed: 1,
}

/** How often work is looked at to know how busy a machine has been. */
const steps = 8

export class Machine {
  readonly options: MachineOptions
  private readonly host: Host

  constructor(host: Host, options: Partial<MachineOptions>) {
    this.host = host
    this.options = { ...smallServer, ...options }
  }

  facts(): HostFacts {
    const { cores, memoryBytes } = this.options
    return {
      hostname: this.host.name,
      platform: 'simulated',
      kernel: '1.0.0',
      arch: 'virtual',
      cpuModel: 'Virtual CPU',
      cores,
      coresUsable: cores,
      memoryBytes,
      memoryUsableBytes: memoryBytes,
      kind: 'virtual',
    }
  }

  /** Busy share of all cores over an interval, 0 to 1. */
  busy(fromMs: number, toMs: number): number {
    const { load, cores } = this.options
    let sum = 0
    for (let i = 0; i < steps; i++) sum += load(fromMs + ((toMs - fromMs) * (i + 0.5)) / steps)
    return Math.min(1, Math.max(0, sum / steps + this.host.processTable.cpuCores / cores))
  }
}
