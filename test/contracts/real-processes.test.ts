import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemProcesses } from '../../agent/ports/processes.ts'
import { realPassage } from './passage.ts'
import { processesContract } from './processes.ts'

processesContract('the host’s processes', () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'skein-processes-')))
  return {
    ...realPassage,
    processes: new SystemProcesses(),
    directory,
    close: () => rmSync(directory, { recursive: true }),
  }
})
