/**
 * The version of the mesh's configuration that a host has taken, on its own disk: so it is there before
 * the ledger is, and what waits for the next start is obeyed by it.
 */
import type { Disk } from '../../protocol/ports/disk.ts'
import { encodeVersion, type Version, versionFrom } from './rows.ts'

const KEY = 'config/mesh'

/** Undefined where none was taken yet, or what is there cannot be read: the ledger tells it again. */
export async function keptVersion(disk: Disk): Promise<Version | undefined> {
  const bytes = await disk.get(KEY)
  return bytes && versionFrom(bytes)
}

export function keepVersion(disk: Disk, version: Version | undefined): Promise<void> {
  const op = version === undefined ? { del: KEY } : { put: KEY, value: encodeVersion(version) }
  return disk.write([op], { durable: true })
}
