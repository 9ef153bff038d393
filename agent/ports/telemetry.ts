/** The host's telemetry: read from /proc where there is one. */
import { existsSync } from 'node:fs'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Telemetry } from '../../protocol/ports/telemetry.ts'
import { LinuxTelemetry } from './telemetry/linux.ts'
import { PortableTelemetry } from './telemetry/portable.ts'

export interface SystemTelemetry extends Telemetry {
  /** Gives up the files that are kept open between samples. */
  close(): void
}

/** The data directory must exist: its file system is the first of the disks in a sample. */
export function openTelemetry(clock: Clock, dataDirectory: string): SystemTelemetry {
  if (existsSync('/proc/self/stat') && existsSync('/proc/meminfo')) {
    return new LinuxTelemetry({ clock, dataDirectory, proc: '/proc', sys: '/sys' })
  }
  return new PortableTelemetry(clock, dataDirectory)
}
