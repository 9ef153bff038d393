/** A sample in the short form that travels with the node's digest. */
import type { LoadRecord } from '../../protocol/membership/digest.ts'
import { type WarningKind, warningBits } from '../../protocol/membership/warnings.ts'
import type { HostFacts, Sample } from '../../protocol/ports/telemetry.ts'

const permille = (share: number) => Math.max(0, Math.round(share * 1_000))
const sum = (values: readonly number[]) =>
  Math.round(values.reduce((total, value) => total + value, 0))

export function loadRecordOf(
  sample: Sample,
  facts: HostFacts,
  loopLagMs: number,
  warnings: readonly WarningKind[],
): LoadRecord {
  // The first disk is the one with the data directory.
  const [disk] = sample.disks
  const hottest = Math.max(...sample.temperatures.map(({ celsius }) => celsius))
  return {
    cores: Math.max(1, Math.round(facts.coresUsable)),
    memoryTotalBytes: sample.memoryTotalBytes,
    memoryUsedBytes: Math.max(0, sample.memoryTotalBytes - sample.memoryAvailableBytes),
    diskTotalBytes: disk?.totalBytes ?? 0,
    diskAvailableBytes: disk?.availableBytes ?? 0,
    receivedBytesPerSecond: sum(sample.network.map((each) => each.receivedBytesPerSecond)),
    sentBytesPerSecond: sum(sample.network.map((each) => each.sentBytesPerSecond)),
    agentResidentBytes: sample.agent.residentBytes,
    loopLagMicros: Math.round(loopLagMs * 1_000),
    ...(sample.cpu === undefined ? {} : { cpuPermille: permille(sample.cpu) }),
    ...(sample.load === undefined ? {} : { load1Hundredths: Math.round(sample.load[0] * 100) }),
    ...(sample.swapUsedBytes === undefined ? {} : { swapUsedBytes: sample.swapUsedBytes }),
    ...(Number.isFinite(hottest) && hottest > 0
      ? { temperatureDecicelsius: Math.round(hottest * 10) }
      : {}),
    ...(sample.agent.cpu === undefined ? {} : { agentCpuPermille: permille(sample.agent.cpu) }),
    ...(warnings.length === 0 ? {} : { warnings: warningBits(warnings) }),
  }
}
