/**
 * The walk through a stage's directory, and the way to one file in it, without following a link. For
 * stages that run as a user of their own, only to what that user could read himself.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises'
import { Globs, type Reached } from '../../../protocol/artifacts/glob.ts'
import { faultOfPath } from '../../../protocol/artifacts/paths.ts'
import { BlobError, type Found, type WalkBounds } from '../../../protocol/ports/blobs.ts'

import { Beneath, denied } from '../beneath.ts'
import { errnoOf } from '../errno.ts'
import { type Identity, permits } from '../identity.ts'

interface Level {
  path: string
  reached: Reached
  depth: number
}

export async function walk(
  directory: string,
  patterns: readonly string[],
  bounds: WalkBounds,
  as?: Identity,
): Promise<Found> {
  const globs = Globs.compile(patterns)
  if (!(globs instanceof Globs)) {
    throw new BlobError('failed', `the pattern ${globs.pattern}: ${globs.why}`)
  }
  const found: Found = { files: [], leftOut: [] }
  const levels: Level[] = [{ path: '', reached: globs.start(), depth: 0 }]
  const tally = { entries: 0 }
  for (let level = levels.pop(); level !== undefined; level = levels.pop()) {
    const names = level.path === '' ? [] : level.path.split('/')
    const at = await entered(directory, names, as)
    try {
      levels.push(...(await look(at, directory, level, { globs, bounds, found, tally })))
    } finally {
      await at.close()
    }
  }
  return found
}

interface Walking {
  globs: Globs
  bounds: WalkBounds
  found: Found
  tally: { entries: number }
}

/** Adds what is found in one directory, and answers with those in it that are to be looked at. */
async function look(
  at: Beneath,
  directory: string,
  { path: above, reached, depth }: Level,
  { globs, bounds, found, tally }: Walking,
): Promise<Level[]> {
  const below: Level[] = []
  for await (const entry of await opendir(at.own)) {
    if (++tally.entries > bounds.entriesMax) {
      throw new BlobError('tooMany', `${directory} has more than ${bounds.entriesMax} entries`)
    }
    const path = above === '' ? entry.name : `${above}/${entry.name}`
    if (entry.isDirectory()) {
      const next = globs.enter(reached, entry.name)
      if (next === undefined) continue
      if (depth === bounds.depthMax) {
        throw new BlobError('tooMany', `${path} is deeper than ${bounds.depthMax} directories`)
      }
      below.push({ path, reached: next, depth: depth + 1 })
      continue
    }
    const pattern = globs.takes(reached, entry.name)
    if (pattern === undefined) continue
    if (!entry.isFile()) {
      found.leftOut.push(path)
      continue
    }
    if (found.files.length === bounds.filesMax) {
      throw new BlobError('tooMany', `more than ${bounds.filesMax} files in ${directory} match`)
    }
    const { size } = await lstat(at.path(entry.name))
    found.files.push({ path, sizeBytes: size, pattern })
  }
  return below
}

/** A directory that may be listed. */
async function entered(
  directory: string,
  names: readonly string[],
  as: Identity | undefined,
): Promise<Beneath> {
  const at = await Beneath.openBelow(directory, names, as)
  if (as === undefined || permits(await at.handle.stat(), as, 'read')) return at
  await at.close()
  const path = [directory, ...names].join('/')
  throw denied(`${path} is not for the user that stages run as to list`)
}

/** Only what `walk` would have found: no link anywhere on the way, and an ordinary file at the end. */
export async function openFound(
  directory: string,
  path: string,
  as?: Identity,
): Promise<FileHandle> {
  const fault = faultOfPath(path)
  if (fault !== undefined) throw new BlobError('badPath', `${path}: ${fault}`)
  const names = path.split('/')
  const last = names.pop() as string
  const at = await wayTo(directory, names, as)
  try {
    await at.refuseUnlessEntered(as)
    // A named pipe in its place would keep a reader waiting; with `O_NONBLOCK` it does not.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const file = await open(at.path(last), flags)
    const why = await whyNotTaken(file, path, as)
    if (why === undefined) return file
    await file.close()
    throw why
  } finally {
    await at.close()
  }
}

async function wayTo(
  directory: string,
  names: readonly string[],
  as: Identity | undefined,
): Promise<Beneath> {
  try {
    return await Beneath.openBelow(directory, names, as)
  } catch (error) {
    if (!['ENOTDIR', 'ELOOP'].includes(errnoOf(error))) throw error
    throw new BlobError('badPath', `${names.join('/')} is no directory`)
  }
}

async function whyNotTaken(
  file: FileHandle,
  path: string,
  as: Identity | undefined,
): Promise<BlobError | undefined> {
  const stat = await file.stat()
  if (!stat.isFile()) return new BlobError('badPath', `${path} is no ordinary file`)
  if (as === undefined || permits(stat, as, 'read')) return undefined
  return new BlobError('denied', `${path} is not for the user that stages run as to read`)
}
