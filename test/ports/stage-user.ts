/** A user of this host without rights, for stages of tests that run as root. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StageUser } from '../../agent/ports/identity.ts'
import { stageUser } from '../../agent/ports/stage-user.ts'

export const whyNoUser =
  process.getuid?.() === 0 ? undefined : 'only root can start programs as another user'

export async function userOfStages(): Promise<StageUser> {
  const at = mkdtempSync(join(tmpdir(), 'skein-user-'))
  chmodSync(at, 0o711)
  const data = join(at, 'data')
  mkdirSync(data, { mode: 0o700 })
  try {
    return await stageUser('nobody', { work: join(at, 'work'), data })
  } finally {
    rmSync(at, { recursive: true })
  }
}
