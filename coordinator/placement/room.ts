/** How much of what a host has is free, and how busy it is, in the figures that all else compares. */
import type { HostView } from './host-view.ts'
import { heuristics } from './limits.ts'

/** Sums of fractions of cores are not exact: a thousandth of a millionth is nothing. */
export const CORES_TOLERANCE = 1e-9

export function coresFree({ cores, setAside }: HostView): number {
  return cores - setAside.cpu
}

export function memoryFree({ memoryBytes, setAside }: HostView): number {
  return memoryBytes - setAside.memoryBytes
}

/** Of what the disk has left by its own word; what attempts have written by then counts twice. */
export function diskFree({ disk, setAside }: HostView): number {
  return (disk?.availableBytes ?? 0) - setAside.diskBytes
}

export function customOf({ custom }: HostView, name: string): number {
  return Object.hasOwn(custom, name) ? custom[name]! : 0
}

export function customFree(host: HostView, name: string): number {
  return customOf(host, name) - (host.setAside.custom.get(name) ?? 0)
}

/** 1 for news of this interval, falling to 0 with age: what a host said long ago says little. */
export function freshness({ load }: HostView): number {
  if (load === undefined) return 0
  const late = load.ageMs / Math.max(1, load.intervalMs) - 1
  return Math.max(0, Math.min(1, 1 - late / (heuristics.loadStaleIntervals - 1)))
}

/** Busy share of its cores, 0 to 1: what it said, as far as that is fresh, and a guess for the rest. */
export function probableLoad(host: HostView): number {
  const told = host.load?.cpu
  if (told === undefined) return heuristics.loadAssumed
  const weight = freshness(host)
  return weight * told + (1 - weight) * heuristics.loadAssumed
}

/**
 * How much is set aside, in what it has: 1 is all of it. Attempts that asked for nothing count as a
 * core each, and have no end: where hundreds wait, each more still counts as much.
 */
export function crowding(host: HostView, moreCpu = 0, moreMemory = 0): number {
  const { cores, memoryBytes, setAside } = host
  const cpu = cores > 0 ? (setAside.cpu + moreCpu) / cores : 1
  const memory = memoryBytes > 0 ? (setAside.memoryBytes + moreMemory) / memoryBytes : 1
  return Math.max(cpu, memory, setAside.attempts / Math.max(1, cores))
}

/**
 * How much of it is set aside, 0 to 1: of cores or memory, whichever is scarcer. Attempts that asked
 * for nothing take something too: as many as there are cores make it half full, and never all of it.
 */
export function shareSetAside(host: HostView, moreCpu = 0, moreMemory = 0): number {
  const { cores, memoryBytes, setAside } = host
  const cpu = cores > 0 ? (setAside.cpu + moreCpu) / cores : 1
  const memory = memoryBytes > 0 ? (setAside.memoryBytes + moreMemory) / memoryBytes : 1
  const attempts = setAside.attempts / (setAside.attempts + Math.max(1, cores))
  return Math.min(1, Math.max(cpu, memory, attempts))
}
