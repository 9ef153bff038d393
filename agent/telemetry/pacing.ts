/** How soon to look again: at once where something is going on, more rarely where nothing is. */
import type { Sample } from '../../protocol/ports/telemetry.ts'
import { type SamplingSettings, samplingLimits } from './limits.ts'

export function nextInterval(
  before: Sample | undefined,
  sample: Sample,
  intervalMs: number,
  settings: SamplingSettings,
): number {
  if (!before || isBusy(sample) || hasChanged(before, sample)) return settings.intervalMsMin
  return Math.min(settings.intervalMsMax, intervalMs * samplingLimits.backOff)
}

function isBusy(sample: Sample): boolean {
  return (sample.cpu ?? 0) >= samplingLimits.busyCpu
}

function hasChanged(before: Sample, sample: Sample): boolean {
  if (before.cpu === undefined || sample.cpu === undefined) return before.cpu !== sample.cpu
  const memory = Math.abs(sample.memoryAvailableBytes - before.memoryAvailableBytes)
  return (
    Math.abs(sample.cpu - before.cpu) >= samplingLimits.changeOfCpu ||
    memory >= samplingLimits.changeOfMemory * sample.memoryTotalBytes
  )
}
