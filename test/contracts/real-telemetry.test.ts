import { tmpdir } from 'node:os'
import { SystemClock } from '../../agent/ports/clock.ts'
import { PortableTelemetry } from '../../agent/ports/telemetry/portable.ts'
import { openTelemetry } from '../../agent/ports/telemetry.ts'
import { realPassage } from './passage.ts'
import { telemetryContract } from './telemetry.ts'

telemetryContract('the host’s telemetry', () => {
  const clock = new SystemClock()
  const telemetry = openTelemetry(clock, tmpdir())
  return { ...realPassage, telemetry, clock, close: () => telemetry.close() }
})

telemetryContract('telemetry without /proc', () => {
  const clock = new SystemClock()
  const telemetry = new PortableTelemetry(clock, tmpdir())
  return { ...realPassage, telemetry, clock, close: () => telemetry.close() }
})
