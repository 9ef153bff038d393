/**
 * LevelDB's write-ahead logs, made safe from outside. LevelDB syncs the log that it is writing;
 * when it starts a new one it leaves the old one to the kernel until a table has replaced it. A
 * durable batch in the new log could then outlive earlier batches in the old one. Syncing every
 * log first rules that out.
 *
 * Only what waits for the device is done elsewhere: on a host whose cores are taken each turn by
 * another thread waits for a core twice, and there is mostly one log.
 */
import { closeSync, fdatasync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const datasync = promisify(fdatasync)

export async function syncLogs(directory: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    if (name.endsWith('.log')) await syncFile(join(directory, name))
  }
}

async function syncFile(path: string): Promise<void> {
  const file = opened(path)
  if (file === undefined) return
  try {
    await datasync(file)
  } finally {
    closeSync(file)
  }
}

/** A log that is gone has become a table, which LevelDB synced before it removed the log. */
function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
