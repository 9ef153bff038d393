/** The walk through a stage's directory, and the path of one file in it, without following a link. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { Globs, type Reached } from '../../../protocol/artifacts/glob.ts'
import { directoriesOf, faultOfPath } from '../../../protocol/artifacts/paths.ts'
import { BlobError, type Found, type WalkBounds } from '../../../protocol/ports/blobs.ts'

interface Level {
  path: string
  reached: Reached
  depth: number
}

export async function walk(
  directory: string,
  patterns: readonly string[],
  bounds: WalkBounds,
): Promise<Found> {
  const globs = Globs.compile(patterns)
  if (!(globs instanceof Globs)) {
    throw new BlobError('failed', `the pattern ${globs.pattern}: ${globs.why}`)
  }
  const found: Found = { files: [], leftOut: [] }
  const levels: Level[] = [{ path: '', reached: globs.start(), depth: 0 }]
  let entries = 0
  for (let level = levels.pop(); level !== undefined; level = levels.pop()) {
    for await (const entry of await opendir(join(directory, level.path))) {
      if (++entries > bounds.entriesMax) {
        throw new BlobError('tooMany', `${directory} has more than ${bounds.entriesMax} entries`)
      }
      const path = level.path === '' ? entry.name : `${level.path}/${entry.name}`
      if (entry.isDirectory()) {
        const reached = globs.enter(level.reached, entry.name)
        if (reached === undefined) continue
        if (level.depth === bounds.depthMax) {
          throw new BlobError('tooMany', `${path} is deeper than ${bounds.depthMax} directories`)
        }
        levels.push({ path, reached, depth: level.depth + 1 })
        continue
      }
      const pattern = globs.takes(level.reached, entry.name)
      if (pattern === undefined) continue
      if (!entry.isFile()) {
        found.leftOut.push(path)
        continue
      }
      if (found.files.length === bounds.filesMax) {
        throw new BlobError('tooMany', `more than ${bounds.filesMax} files in ${directory} match`)
      }
      const { size } = await lstat(join(directory, path))
      found.files.push({ path, sizeBytes: size, pattern })
    }
  }
  return found
}

/** Only what `walk` would have found: no link anywhere on the way, and an ordinary file at the end. */
export async function openFound(directory: string, path: string): Promise<FileHandle> {
  const fault = faultOfPath(path)
  if (fault !== undefined) throw new BlobError('badPath', `${path}: ${fault}`)
  for (const above of directoriesOf(path)) {
    const stat = await lstat(join(directory, above))
    if (!stat.isDirectory()) throw new BlobError('badPath', `${above} is no directory`)
  }
  // A named pipe in its place would keep a reader waiting; with `O_NONBLOCK` it does not.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(join(directory, path), flags)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new BlobError('badPath', `${path} is no ordinary file`)
}
