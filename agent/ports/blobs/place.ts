/**
 * The way of a file out: to a path in a directory, which nothing there can turn elsewhere. For
 * stages that run as a user of their own, only to where that user could have put it himself.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { faultOfPath } from '../../../protocol/artifacts/paths.ts'
import { BlobError } from '../../../protocol/ports/blobs.ts'
import { Beneath } from '../beneath.ts'
import { errnoOf } from '../errno.ts'
import { type Identity, mayReplace } from '../identity.ts'

/** Files being placed have names that no artifact may have twice in one directory. */
let placed = 0

export interface HowPlaced {
  executable: boolean
  /** Whose it becomes, and who is to be able to put it there. */
  as: Identity | undefined
}

/**
 * Writes through `write` into a file that takes its place when that has answered true; otherwise
 * nothing is changed.
 */
export async function placeFile(
  directory: string,
  path: string,
  { executable, as }: HowPlaced,
  write: (file: FileHandle) => Promise<boolean>,
): Promise<boolean> {
  const fault = faultOfPath(path)
  if (fault !== undefined) throw new BlobError('badPath', `${path}: ${fault}`)
  if (as === undefined) await mkdir(directory, { recursive: true, mode: 0o700 })
  const names = path.split('/')
  const last = names.pop() as string
  const parent = await directoryFor(await Beneath.open(directory, as), names, as)
  try {
    await refuseUnlessFree(parent, last, path, as)
    const draft = `.skein-${process.pid}-${++placed}.part`
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const file = await open(parent.path(draft), flags, executable ? 0o755 : 0o644)
    try {
      const whole = await filled(file, as, write)
      if (whole) await rename(parent.path(draft), parent.path(last))
      else await rm(parent.path(draft), { force: true })
      return whole
    } catch (error) {
      await rm(parent.path(draft), { force: true })
      throw error
    }
  } finally {
    await parent.close()
  }
}

async function filled(
  file: FileHandle,
  as: Identity | undefined,
  write: (file: FileHandle) => Promise<boolean>,
): Promise<boolean> {
  try {
    if (as !== undefined) await file.chown(as.uid, as.gid)
    return await write(file)
  } finally {
    await file.close()
  }
}

/** The directory that the names lead to, with those made that are missing. */
async function directoryFor(
  top: Beneath,
  names: readonly string[],
  as: Identity | undefined,
): Promise<Beneath> {
  let at = top
  for (const [i, name] of names.entries()) {
    const above = at
    try {
      at = await real(above, name, names.slice(0, i + 1).join('/'), as)
    } finally {
      await above.close()
    }
  }
  return at
}

async function real(
  above: Beneath,
  name: string,
  path: string,
  as: Identity | undefined,
): Promise<Beneath> {
  const isNew = await made(above, name, path, as)
  try {
    const below = await above.enter(name, as)
    // What is not the agent's own by now is not what it has just made.
    if (isNew && as !== undefined && (await below.handle.stat()).uid === process.getuid?.()) {
      await below.handle.chown(as.uid, as.gid)
    }
    return below
  } catch (error) {
    if (!['ENOTDIR', 'ELOOP'].includes(errnoOf(error))) throw error
    throw new BlobError('badPath', `${path} is no directory, and files are to go below it`)
  }
}

async function made(
  above: Beneath,
  name: string,
  path: string,
  as: Identity | undefined,
): Promise<boolean> {
  if ((await statOf(above, name)) !== undefined) return false
  await refuseUnlessAllowed(above, undefined, path, as)
  try {
    await mkdir(above.path(name), { mode: 0o755 })
    return true
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return false
  }
}

async function refuseUnlessFree(
  parent: Beneath,
  name: string,
  path: string,
  as: Identity | undefined,
): Promise<void> {
  const there = await statOf(parent, name)
  if (there?.isDirectory()) {
    throw new BlobError('badPath', `${path} is a directory, and a file is to go there`)
  }
  await refuseUnlessAllowed(parent, there, path, as)
}

async function refuseUnlessAllowed(
  parent: Beneath,
  there: Stats | undefined,
  path: string,
  as: Identity | undefined,
): Promise<void> {
  if (as === undefined || mayReplace(await parent.handle.stat(), there, as)) return
  throw new BlobError('denied', `${path}: the user that stages run as may not write there`)
}

async function statOf(parent: Beneath, name: string): Promise<Stats | undefined> {
  try {
    return await lstat(parent.path(name))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
