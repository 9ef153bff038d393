/** A directory for its owner's eyes only, with what leads to it. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from './errno.ts'

/**
 * Nothing is done where it is there already. The runtime's own recursive mkdir never ends below
 * /proc, where nothing can be made.
 */
export async function makeDirectory(path: string): Promise<void> {
  if (await made(path)) return
  // What it is to be in may have come about meanwhile: then there is only this one left to make.
  if (!(await exists(dirname(path)))) await makeDirectory(dirname(path))
  if (await made(path)) return
  throw Object.assign(new Error(`nothing can be made at ${path}`), { code: 'ENOENT' })
}

/** False when what it is to be in is missing. */
async function made(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return true
    if (code === 'ENOENT') return false
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
