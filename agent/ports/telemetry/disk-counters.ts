/** Bytes read from and written to each block device, as /proc/diskstats counts them. */
import { columns, lines } from './scan-text.ts'

export interface DiskCounters {
  readBytes: number
  writtenBytes: number
}

/** A sector is 512 bytes here, whatever the device's own are. */
const sectorBytes = 512

/** By `major:minor` and by name, of the devices asked for. */
export function parseDiskstats(
  text: string,
  wanted: ReadonlySet<string>,
): Map<string, DiskCounters> {
  const devices = new Map<string, DiskCounters>()
  if (wanted.size === 0) return devices
  for (const line of lines(text)) {
    const fields = columns(line)
    const number = `${fields[0]}:${fields[1]}`
    const key = wanted.has(number) ? number : fields[2]
    if (key === undefined || !wanted.has(key)) continue
    const readBytes = Number(fields[5]) * sectorBytes
    const writtenBytes = Number(fields[9]) * sectorBytes
    // Kernels before 2.6.25 give partitions four columns, which mean something else.
    if (Number.isFinite(readBytes) && Number.isFinite(writtenBytes)) {
      devices.set(key, { readBytes, writtenBytes })
    }
  }
  return devices
}
