/**
 * Gives memory back when a busy spell is over. A young generation of 16 MiB lets a busy agent do
 * a quarter more work, for it collects more rarely; but once it has grown it stays, and a start is
 * busy enough to make it grow. So whoever has become quiet with a large one collects once, for good:
 * that takes some tens of milliseconds, and leaves a young generation of one.
 */
import { getHeapSpaceStatistics } from 'node:v8'
import type { Telemetry } from '../../protocol/ports/telemetry.ts'
import { heapRestLimits as limits } from './limits.ts'

export interface Heap {
  youngBytes(): number
  /** Collects all that can be, and shrinks what has grown. */
  collect(): void
}

export class HeapRest {
  readonly #heap: Heap
  #quietSamples = 0

  constructor(heap: Heap) {
    this.#heap = heap
  }

  /** With each sample: what share of one core the agent has taken since the last one. */
  look(agentCpu: number | undefined): void {
    const isQuiet = agentCpu !== undefined && agentCpu < limits.quietCpu
    this.#quietSamples = isQuiet ? this.#quietSamples + 1 : 0
    if (this.#quietSamples !== limits.quietSamples) return
    if (this.#heap.youngBytes() > limits.youngBytesMax) this.#heap.collect()
  }
}

/** The same samples; each is looked at for a busy spell that is over. */
export function restingHeap(telemetry: Telemetry, heap: Heap): Telemetry {
  const rest = new HeapRest(heap)
  return {
    facts: () => telemetry.facts(),
    sample: () => {
      const sample = telemetry.sample()
      rest.look(sample.agent.cpu)
      return sample
    },
  }
}

type Collector = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** Of this process, which was started with `--expose-gc`. Without it, memory is kept. */
export function systemHeap(): Heap {
  const collector = globalThis.gc as Collector | undefined
  return {
    youngBytes: () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ??
      0,
    collect: () => collector?.({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  }
}
