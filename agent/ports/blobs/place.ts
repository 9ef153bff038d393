/** The way of a file out: to a path in a directory, which nothing there can turn elsewhere. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { directoriesOf, faultOfPath } from '../../../protocol/artifacts/paths.ts'
import { BlobError } from '../../../protocol/ports/blobs.ts'
import { errnoOf } from '../errno.ts'

/** Files being placed have names that no artifact may have twice in one directory. */
let placed = 0

/**
 * Writes through `write` into a file that takes its place when that has answered true; otherwise
 * nothing is changed.
 */
export async function placeFile(
  directory: string,
  path: string,
  executable: boolean,
  write: (file: FileHandle) => Promise<boolean>,
): Promise<boolean> {
  const fault = faultOfPath(path)
  if (fault !== undefined) throw new BlobError('badPath', `${path}: ${fault}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  for (const above of directoriesOf(path)) await makeReal(join(directory, above), above)
  const target = join(directory, path)
  await refuseDirectory(target, path)
  const draft = join(dirname(target), `.skein-${process.pid}-${++placed}.part`)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = await open(draft, flags, executable ? 0o755 : 0o644)
  try {
    const whole = await write(file).finally(() => file.close())
    if (whole) {
      await rename(draft, target)
      return true
    }
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  await rm(draft, { force: true })
  return false
}

async function makeReal(absolute: string, path: string): Promise<void> {
  try {
    await mkdir(absolute, { mode: 0o755 })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    const stat = await lstat(absolute)
    if (!stat.isDirectory()) {
      throw new BlobError('badPath', `${path} is no directory, and files are to go below it`)
    }
  }
}

async function refuseDirectory(absolute: string, path: string): Promise<void> {
  try {
    if ((await lstat(absolute)).isDirectory()) {
      throw new BlobError('badPath', `${path} is a directory, and a file is to go there`)
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}
