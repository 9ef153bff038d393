/** Bounds of an agent's telemetry, each with what happens when it is reached. */
import { assert } from '../../protocol/assert.ts'

export const samplingLimits = {
  /** While the host is busy or changing. */
  intervalMsMin: 1_000,
  /** While it is idle and steady, reached step by step. A sample costs half a millisecond then. */
  intervalMsMax: 5_000,
  /** Each steady sample makes the next interval so much longer. */
  backOff: 1.5,
  /** From this share of the usable cores on, a host is busy. */
  busyCpu: 0.3,
  /** Changes from one sample to the next that bring the short interval back. */
  changeOfCpu: 0.1,
  /** As a share of all memory. */
  changeOfMemory: 0.02,
} as const

export const historyLimits = {
  /** One point is the mean of so long. */
  pointIntervalMs: 10_000,
  /** Points are written in one value for each minute: that, and no more, is lost with the host. */
  chunkMs: 60_000,
  /** A day: older points are forgotten. On disk that is 1,440 values of some 330 bytes. */
  retentionMs: 24 * 60 * 60_000,
  /**
   * How long a calendar may stand before the newest point until the points of its future are
   * forgotten. Hosts without a clock of their own start in the past, until the network tells them.
   */
  setbackMs: 5 * 60_000,
} as const

/** What an operator may set. */
export interface SamplingSettings {
  intervalMsMin: number
  intervalMsMax: number
  retentionMs: number
}

export const samplingDefaults: SamplingSettings = {
  intervalMsMin: samplingLimits.intervalMsMin,
  intervalMsMax: samplingLimits.intervalMsMax,
  retentionMs: historyLimits.retentionMs,
}

export const pointsPerChunk = historyLimits.chunkMs / historyLimits.pointIntervalMs
export const pointsMax = historyLimits.retentionMs / historyLimits.pointIntervalMs

assert(Number.isInteger(pointsPerChunk), 'a chunk holds whole points')
assert(historyLimits.retentionMs % historyLimits.chunkMs === 0, 'a day holds whole chunks')
assert(pointsPerChunk <= 0xff, 'a chunk numbers its points in one byte')
assert(
  2 * samplingLimits.intervalMsMax <= historyLimits.pointIntervalMs,
  'an idle agent has a sample for every point',
)
