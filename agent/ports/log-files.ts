/**
 * LevelDB's write-ahead logs, made safe from outside. LevelDB syncs the log that it is writing;
 * when it starts a new one it leaves the old one to the kernel until a table has replaced it. A
 * durable batch in the new log could then outlive earlier batches in the old one. Syncing every
 * log first rules that out.
 */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export async function syncLogs(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) await syncFile(join(directory, name))
  }
}

async function syncFile(path: string): Promise<void> {
  // A log that is gone has become a table, which LevelDB synced before it removed the log.
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}
