/**
 * Lets the heap follow what the agent does. One that applies entries by the thousand keeps what it
 * allocates for seconds, in the log and among the events, and all of that is marked again whenever
 * the heap has grown by its share: with a small share that is a third of what an entry costs. With a
 * large one the garbage of a stranger's frames would lie about for as long. So the share is large
 * only while entries come.
 *
 * And it gives memory back when a busy spell is over. A young generation of 16 MiB lets a busy agent
 * do a quarter more work, for it collects more rarely; but once it has grown it stays, and a start is
 * busy enough to make it grow. So whoever has become quiet with a large one collects once, for good:
 * that takes a tenth of a second, and leaves a young generation of one.
 *
 * Left to itself the heap of a quiet agent then grows for an hour, to half as much again, before it
 * is collected: hardly anything is allocated, and nothing is short. So it is swept now and then.
 *
 * Neither is done while attempts run here. An agent that watches over stages is mostly quiet, and an
 * emergency stop would not be heard before all is collected: on a host whose cores they take, 0.3 s.
 * What must be collected then is put off, too, by a larger share: it is done when they have ended.
 */
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8'
import type { Telemetry } from '../../protocol/ports/telemetry.ts'
import { heapRestLimits as limits } from './limits.ts'

export interface Heap {
  youngBytes(): number
  /** Of all generations, and what hangs on them outside of the heap. */
  heldBytes(): number
  /** Collects all that can be, and shrinks what has grown. */
  collect(): void
  /** Collects what is easily found: a quarter of the time, so that nobody takes it for a fault. */
  sweep(): void
  /** By how much of what a collection has left the heap may grow until the next one. */
  mayGrowBy(percent: number): void
}

export class HeapRest {
  readonly #heap: Heap
  #quietSamples = 0
  #applied = 0
  #growthPercent: number
  /** What was held when nothing was left to collect; unknown until a sample after that. */
  #restedBytes: number | undefined
  #samplesSinceSweep = 0

  constructor(heap: Heap) {
    this.#heap = heap
    this.#growthPercent = limits.growthPercent
    heap.mayGrowBy(this.#growthPercent)
  }

  /**
   * With each sample: what share of one core the agent has taken since the last one, the entry of the
   * ledger that it has applied by now, and whether attempts run here.
   */
  look(agentCpu: number | undefined, applied: number, isAtWork: boolean): void {
    const entries = applied - this.#applied
    this.#applied = applied
    this.#allow(growthFor(entries, isAtWork))
    const isQuiet = agentCpu !== undefined && agentCpu < limits.quietCpu && !isAtWork
    this.#quietSamples = isQuiet ? this.#quietSamples + 1 : 0
    this.#samplesSinceSweep++
    if (this.#quietSamples < limits.quietSamples) return
    const isNewlyQuiet = this.#quietSamples === limits.quietSamples
    if (isNewlyQuiet && this.#heap.youngBytes() > limits.youngBytesMax) {
      this.#heap.collect()
      this.#restedBytes = undefined
    } else this.#sweepWhenGrown()
  }

  #sweepWhenGrown(): void {
    const heldBytes = this.#heap.heldBytes()
    // Buffers are let go of after a collection, not in it: only now what is left can be known.
    this.#restedBytes ??= heldBytes
    const hasRested = this.#samplesSinceSweep >= limits.sweepSamplesMin
    if (!hasRested || heldBytes - this.#restedBytes <= limits.grownBytesMax) return
    this.#heap.sweep()
    this.#samplesSinceSweep = 0
    this.#restedBytes = undefined
  }

  #allow(percent: number): void {
    if (percent === this.#growthPercent) return
    this.#growthPercent = percent
    this.#heap.mayGrowBy(percent)
  }
}

function growthFor(entries: number, isAtWork: boolean): number {
  if (entries >= limits.busyEntries) return limits.busyGrowthPercent
  return isAtWork ? limits.workGrowthPercent : limits.growthPercent
}

/** The same samples; with each the heap is looked after. `applied`: the newest entry, 0 for none. */
export function restingHeap(
  telemetry: Telemetry,
  heap: Heap,
  applied: () => number,
  isAtWork: () => boolean,
): Telemetry {
  const rest = new HeapRest(heap)
  return {
    facts: () => telemetry.facts(),
    sample: () => {
      const sample = telemetry.sample()
      rest.look(sample.agent.cpu, applied(), isAtWork())
      return sample
    },
  }
}

type Collector = (options: {
  type: 'major'
  execution: 'sync'
  flavor: 'regular' | 'last-resort'
}) => void

/** Of this process, which was started with `--expose-gc`. Without it, memory is kept. */
export function systemHeap(): Heap {
  const collector = globalThis.gc as Collector | undefined
  return {
    youngBytes: () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ??
      0,
    heldBytes: () => {
      const { total_heap_size, external_memory } = getHeapStatistics()
      return total_heap_size + external_memory
    },
    sweep: () => collector?.({ type: 'major', execution: 'sync', flavor: 'regular' }),
    collect: () => collector?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    // V8 reads it at the end of every collection, when it reckons how far the heap may go.
    mayGrowBy: (percent) => setFlagsFromString(`--heap-growing-percent=${percent}`),
  }
}
