/** What two readings of the kernel's counters say of the time between them. */
import type { NetworkSample } from '../../../protocol/ports/telemetry.ts'
import { advance, perSecond } from './counters.ts'
import { busyShare, busyShares, type CpuTimes } from './cpu-times.ts'
import type { DiskCounters } from './disk-counters.ts'
import type { NetworkCounters } from './network-counters.ts'

/** One reading. What the host does not offer is absent. */
export interface Counters {
  readMs: number
  cpu: CpuTimes | undefined
  /** CPU time used by the control group that has a quota. */
  groupCpuMs: number | undefined
  agentCpuMs: number
  disks: ReadonlyMap<string, DiskCounters>
  network: ReadonlyMap<string, NetworkCounters>
}

export interface Bounds {
  /** Cores that the quota stands for; undefined without one. */
  quotaCores: number | undefined
  /** Empty when all cores are allowed. */
  allowedCores: ReadonlySet<number>
}

export interface Rates {
  cpu: number | undefined
  cpuPerCore: number[] | undefined
  agentCpu: number | undefined
  disks: ReadonlyMap<string, { readBytesPerSecond: number; writtenBytesPerSecond: number }>
  network: NetworkSample[]
}

export const noRates: Rates = {
  cpu: undefined,
  cpuPerCore: undefined,
  agentCpu: undefined,
  disks: new Map(),
  network: [],
}

export function ratesBetween(before: Counters, now: Counters, bounds: Bounds): Rates {
  const elapsedMs = now.readMs - before.readMs
  const cpuPerCore = before.cpu && now.cpu && busyShares(before.cpu, now.cpu, bounds.allowedCores)
  const disks = new Map<string, { readBytesPerSecond: number; writtenBytesPerSecond: number }>()
  for (const [device, { readBytes, writtenBytes }] of now.disks) {
    const earlier = before.disks.get(device)
    if (!earlier) continue
    disks.set(device, {
      readBytesPerSecond: perSecond(earlier.readBytes, readBytes, elapsedMs),
      writtenBytesPerSecond: perSecond(earlier.writtenBytes, writtenBytes, elapsedMs),
    })
  }
  const network: NetworkSample[] = []
  for (const [name, { receivedBytes, sentBytes }] of now.network) {
    const earlier = before.network.get(name)
    if (!earlier) continue
    network.push({
      interface: name,
      receivedBytesPerSecond: perSecond(earlier.receivedBytes, receivedBytes, elapsedMs),
      sentBytesPerSecond: perSecond(earlier.sentBytes, sentBytes, elapsedMs),
    })
  }
  const agentCpu = advance(before.agentCpuMs, now.agentCpuMs) / elapsedMs
  return { cpu: cpuShare(before, now, bounds, cpuPerCore), cpuPerCore, agentCpu, disks, network }
}

/**
 * The share of what this agent may use. Under a quota that is what the group has used of it: a
 * machine that is half idle has nothing left for a group that has spent its own.
 */
function cpuShare(
  before: Counters,
  now: Counters,
  { quotaCores, allowedCores }: Bounds,
  cpuPerCore: readonly number[] | undefined,
): number | undefined {
  if (quotaCores !== undefined && before.groupCpuMs !== undefined && now.groupCpuMs !== undefined) {
    const budgetMs = (now.readMs - before.readMs) * quotaCores
    return Math.min(1, advance(before.groupCpuMs, now.groupCpuMs) / budgetMs)
  }
  const confined = allowedCores.size > 0 && allowedCores.size < (now.cpu?.cores.size ?? 0)
  if (confined && cpuPerCore && cpuPerCore.length > 0) {
    return cpuPerCore.reduce((sum, share) => sum + share, 0) / cpuPerCore.length
  }
  return before.cpu && now.cpu && busyShare(before.cpu.all, now.cpu.all)
}
