/**
 * What a fuzzed agent is judged by, and the figures that say so. Memory is judged twice, by the
 * last quarter of the storm against its second, when the agent has warmed up. The median of what is
 * resident says whether it is flat. The least that the heap held says whether anything is kept: it
 * is read just after a collection, so that garbage, which comes and goes by the engine's pace, does
 * not count.
 */
import { type FuzzKind, fuzzKinds } from './fuzz-kinds.ts'
import type { MemorySample } from './fuzz-watch.ts'
import { type Figure, percentile } from './report.ts'

/** What is flat may still move by this much: a heap of this size breathes between collections. */
export const RESIDENT_GROWTH_MAX_MIB = 12
/** Anything kept for every connection or frame would be more: thousands are made in this time. */
export const HEAP_GROWTH_MAX_MIB = 8
/**
 * Whatever the time: what is held for connections, buffers and records is bounded by limits. The young
 * generation alone is 32 of these.
 */
export const RESIDENT_RISE_MAX_MIB = 96
const HEALTH_P99_MAX_MS = 1_000

export interface Memory {
  startMib: number
  warmMib: number
  maxMib: number
  endMib: number
  /** Median of the last quarter less the median of the second. */
  growthMib: number
  /** Least of the last quarter less the least of the second. */
  heapGrowthMib: number
  /** Of the straight line through all but the storm's first quarter. */
  slopeMibPerMinute: number
}

/** `stormMs`: when all kinds at once began. What came one after the other before warms nothing up. */
export function memoryOf(
  resident: readonly MemorySample[],
  heap: readonly MemorySample[],
  stormMs: number,
): Memory {
  const mibs = resident.map(({ mib }) => mib)
  const inStorm = ({ atMs }: MemorySample) => atMs >= stormMs
  const storm = resident.filter(inStorm)
  const [second, last] = quartersOf(storm)
  const [secondHeap, lastHeap] = quartersOf(heap.filter(inStorm))
  return {
    startMib: mibs[0] ?? Number.NaN,
    warmMib: percentile(second, 0.5),
    maxMib: Math.max(...mibs),
    endMib: mibs.at(-1) ?? Number.NaN,
    growthMib: percentile(last, 0.5) - percentile(second, 0.5),
    heapGrowthMib: Math.min(...lastHeap) - Math.min(...secondHeap),
    slopeMibPerMinute: slopeOf(storm.slice(Math.floor(storm.length / 4))) * 60_000,
  }
}

/** The second and the last. */
function quartersOf(samples: readonly MemorySample[]): [number[], number[]] {
  const mibs = samples.map(({ mib }) => mib)
  const quarter = Math.floor(samples.length / 4)
  return [mibs.slice(quarter, 2 * quarter), mibs.slice(3 * quarter)]
}

/** Least squares. */
function slopeOf(samples: readonly MemorySample[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const atMs = mean(samples.map((sample) => sample.atMs))
  const mib = mean(samples.map((sample) => sample.mib))
  let above = 0
  let below = 0
  for (const sample of samples) {
    above += (sample.atMs - atMs) * (sample.mib - mib)
    below += (sample.atMs - atMs) ** 2
  }
  return below === 0 ? 0 : above / below
}

/** What one kind came to: what was sent, and what of it the agent counted in the roll call. */
export interface KindTally {
  kind: FuzzKind
  visits: number
  sent: number
  failures: number
  /** By reason, while nothing else was being sent. */
  counted: Readonly<Record<string, number>>
}

/** True when the agent counted this kind under a reason that it should; some need none. */
export function isCounted({ kind, counted }: KindTally): boolean {
  const reasons: readonly string[] = fuzzKinds[kind]
  return reasons.length === 0 || reasons.some((reason) => (counted[reason] ?? 0) > 0)
}

export interface FuzzResult {
  seconds: number
  tallies: KindTally[]
  /** Why visits of the attacker came to nothing, the first few. */
  failures: readonly string[]
  refused: Readonly<Record<string, number>>
  memory: Memory
  healthMs: readonly number[]
  unanswered: readonly string[]
  looks: number
  doubts: readonly string[]
  /** The victim is the process that it was. */
  up: boolean
  logBytes: number
}

export function figuresOf(result: FuzzResult): Figure[] {
  const { memory, healthMs, tallies, seconds } = result
  const sent = tallies.reduce((sum, tally) => sum + tally.sent, 0)
  const uncounted = tallies.filter((tally) => !isCounted(tally)).length
  const p99 = percentile(healthMs, 0.99)
  const mib = (metric: string, value: number): Figure => ({ metric, unit: 'MiB', value })
  return [
    ...tallies.map((tally) => ({ metric: `sent ${tally.kind}`, unit: '', value: tally.sent })),
    ...Object.entries(result.refused).map(([reason, value]) => {
      return { metric: `refused ${reason}`, unit: '', value }
    }),
    { metric: 'sent', unit: 'frames', value: sent },
    { metric: 'rate', unit: 'frames/s', value: Math.round(sent / seconds) },
    { metric: 'log written', unit: 'KiB', value: Math.round(result.logBytes / 1_024) },
    mib('resident at the start', memory.startMib),
    mib('resident, second quarter', memory.warmMib),
    bounded(mib('resident at most', memory.maxMib), memory.startMib + RESIDENT_RISE_MAX_MIB),
    mib('resident at the end', memory.endMib),
    { metric: 'resident slope', unit: 'MiB/min', value: memory.slopeMibPerMinute },
    bounded(mib('resident, last quarter less second', memory.growthMib), RESIDENT_GROWTH_MAX_MIB),
    bounded(mib('heap floor, last quarter less second', memory.heapGrowthMib), HEAP_GROWTH_MAX_MIB),
    { metric: '/health, median', unit: 'ms', value: percentile(healthMs, 0.5) },
    bounded({ metric: '/health, p99', unit: 'ms', value: p99 }, HEALTH_P99_MAX_MS),
    none('questions without an answer', result.unanswered.length),
    none(`doubts of the witness, in ${result.looks} looks`, result.doubts.length),
    none('kinds of abuse not counted', uncounted),
    none('restarts of the agent', result.up ? 0 : 1),
  ]
}

function bounded(figure: Figure, most: number): Figure {
  return { ...figure, goal: `< ${Math.round(most)}`, holds: figure.value < most }
}

function none(metric: string, value: number): Figure {
  return { metric, unit: '', value, goal: '0', holds: value === 0 }
}
