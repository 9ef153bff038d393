/** What lies in the places of blobs, by its names: what it holds is another question. */
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isContentHash } from '../../../protocol/artifacts/hashes.ts'
import type { HeldBlob } from '../../../protocol/ports/blobs.ts'
import { errnoOf } from '../errno.ts'
import type { Places } from './places.ts'

/** Removes drafts of an earlier life on the way. */
export async function listIn(places: Places): Promise<HeldBlob[]> {
  await rm(places.drafts, { recursive: true, force: true })
  const held: HeldBlob[] = []
  const note = async (name: string, path: string, whole: boolean) => {
    if (!isContentHash(name)) return
    const stat = await lstat(path)
    if (stat.isFile()) held.push({ hash: name, sizeBytes: stat.size, whole })
  }
  const blobs = places.blobs
  for (const shard of await namesIn(blobs)) {
    for (const rest of await namesIn(join(blobs, shard))) {
      await note(shard + rest, join(blobs, shard, rest), true)
    }
  }
  const parts = places.parts
  for (const name of await namesIn(parts)) await note(name, join(parts, name), false)
  return held
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw error
  }
}
