import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemWorkspace } from '../../agent/ports/workspace.ts'
import { realPassage } from './passage.ts'
import { workspaceContract } from './workspace.ts'

workspaceContract('the host’s workspace', () => {
  const directory = mkdtempSync(join(tmpdir(), 'skein-workspace-'))
  return {
    ...realPassage,
    workspace: new SystemWorkspace(join(directory, 'work')),
    close: () => rmSync(directory, { recursive: true }),
  }
})
