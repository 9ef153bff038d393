/** Bytes through each network interface, as /proc/net/dev counts them. */
import { columns, lines } from './scan-text.ts'

export interface NetworkCounters {
  receivedBytes: number
  sentBytes: number
}

/** Without the loopback. */
export function parseNetDev(text: string): Map<string, NetworkCounters> {
  const interfaces = new Map<string, NetworkCounters>()
  for (const line of lines(text)) {
    // Old kernels leave no space after the colon; names hold colons when they are aliases.
    const colon = line.lastIndexOf(':')
    if (colon < 0) continue
    const name = line.slice(0, colon).trim()
    const fields = columns(line.slice(colon + 1))
    const receivedBytes = Number(fields[0])
    const sentBytes = Number(fields[8])
    if (name === 'lo' || !Number.isFinite(receivedBytes) || !Number.isFinite(sentBytes)) continue
    interfaces.set(name, { receivedBytes, sentBytes })
  }
  return interfaces
}
