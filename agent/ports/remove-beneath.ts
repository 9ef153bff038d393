/**
 * Removes a directory that is another user's, who may still be at it, without doing that user's
 * bidding: a link put in the place of a directory leads to the removal of nothing but itself. Where
 * there are directories in it, that is the work of rm(1), which goes down by handles, however deep.
 */
import { execFile } from 'node:child_process'
import { readdir, rmdir, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Beneath } from './beneath.ts'
import { errnoOf } from './errno.ts'

const run = promisify(execFile)

/** Nothing is done where there is none. */
export async function removeBeneath(root: string, name: string): Promise<void> {
  const parent = await opened(() => Beneath.open(root))
  if (parent === undefined) return
  try {
    const below = await opened(() => parent.enter(name))
    if (below === undefined) return
    try {
      if (await emptied(below)) return await rmdir(parent.path(name))
    } finally {
      await below.close()
    }
  } finally {
    await parent.close()
  }
  await run('rm', ['-rf', '--', name], { cwd: root, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } })
}

/** False where that takes more than to remove what lies in it. */
async function emptied(below: Beneath): Promise<boolean> {
  const entries = await readdir(below.own, { withFileTypes: true })
  if (entries.some((entry) => entry.isDirectory())) return false
  try {
    for (const { name } of entries) await unlink(below.path(name))
    return true
  } catch {
    // A name that is no text, or what has become a directory meanwhile.
    return false
  }
}

async function opened(open: () => Promise<Beneath>): Promise<Beneath | undefined> {
  try {
    return await open()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
