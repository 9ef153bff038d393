import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelDisk } from '../../agent/ports/disk.ts'
import { diskContract } from './disk.ts'
import { realPassage } from './passage.ts'

diskContract('the host’s disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-disk-'))
  let disk = await LevelDisk.open(directory)
  return {
    ...realPassage,
    disk,
    async reopen() {
      await disk.close()
      disk = await LevelDisk.open(directory)
      return disk
    },
    async close() {
      await disk.close()
      rmSync(directory, { recursive: true })
    },
  }
})
