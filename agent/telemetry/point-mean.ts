/** The mean of the samples that fall into one point of history, each weighing as long as it stands for. */
import type { Sample } from '../../protocol/ports/telemetry.ts'
import {
  byteFigures,
  type Figure,
  figures,
  type HistoryPoint,
  optionalFigures,
} from './history-point.ts'

interface Sum {
  weighted: number
  weight: number
}

export class PointMean {
  readonly atMs: number
  readonly #sums = new Map<Figure, Sum>()

  constructor(atMs: number) {
    this.atMs = atMs
  }

  /** `weightMs`: the time since the sample before. */
  add(sample: Sample, weightMs: number): void {
    const seen = figuresOf(sample)
    for (const figure of figures) {
      const value = seen[figure]
      if (value === undefined) continue
      const sum = this.#sums.get(figure)
      if (sum) {
        sum.weighted += value * weightMs
        sum.weight += weightMs
      } else {
        this.#sums.set(figure, { weighted: value * weightMs, weight: weightMs })
      }
    }
  }

  /**
   * Shares are rounded to the precision that history keeps on disk, so that a point reads the same
   * before and after a restart.
   */
  point(): HistoryPoint {
    const point: HistoryPoint = {
      atMs: this.atMs,
      memoryUsedBytes: 0,
      diskAvailableBytes: 0,
      receivedBytesPerSecond: 0,
      sentBytesPerSecond: 0,
      agentResidentBytes: 0,
    }
    for (const figure of byteFigures) point[figure] = this.#mean(figure) ?? 0
    for (const figure of optionalFigures) {
      const mean = this.#mean(figure)
      if (mean !== undefined) point[figure] = Math.fround(mean)
    }
    return point
  }

  #mean(figure: Figure): number | undefined {
    const sum = this.#sums.get(figure)
    return sum && sum.weighted / sum.weight
  }
}

function figuresOf(sample: Sample): Partial<Record<Figure, number | undefined>> {
  const { network, disks } = sample
  return {
    cpu: sample.cpu,
    load1: sample.load?.[0],
    agentCpu: sample.agent.cpu,
    memoryUsedBytes: sample.memoryTotalBytes - sample.memoryAvailableBytes,
    // The first is the data directory's.
    diskAvailableBytes: disks[0]?.availableBytes,
    receivedBytesPerSecond: network.reduce((sum, n) => sum + n.receivedBytesPerSecond, 0),
    sentBytesPerSecond: network.reduce((sum, n) => sum + n.sentBytesPerSecond, 0),
    agentResidentBytes: sample.agent.residentBytes,
  }
}
