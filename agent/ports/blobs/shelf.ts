/**
 * Blobs as files below one directory: `blobs/ab/cdef…` are whole, `parts/abcdef…` are not yet,
 * `drafts/N` have no name yet. A name says what a file should hold and never what it does: every
 * chunk is hashed on its way out. Runs in the blob thread, one chunk at a time between awaits, so
 * that a large file does not keep others waiting.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import {
  type Blob,
  type ContentHash,
  chunkCount,
  chunkLength,
  digestOf,
  hasDigest,
  hashOf,
  isChunk,
} from '../../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../../protocol/artifacts/limits.ts'
import {
  BlobError,
  type ChunkRead,
  type Draft,
  type Found,
  type Placed,
  type WalkBounds,
} from '../../../protocol/ports/blobs.ts'
import { DiskError } from '../../../protocol/ports/disk.ts'
import { errnoOf } from '../errno.ts'
import { FreeSpace } from '../free-space.ts'
import type { Identity } from '../identity.ts'
import { readFully, writeFully } from './chunk-io.ts'
import { placeFile } from './place.ts'
import { Places } from './places.ts'
import type { ChunkRef } from './requests.ts'
import { openFound, walk } from './walk.ts'

const { chunkBytes } = artifactLimits
const openForParts = constants.O_RDWR | constants.O_CREAT

export class BlobShelf {
  readonly #places: Places
  readonly #freeBytesMin: number
  readonly #stagesAs: Identity | undefined
  #space: FreeSpace | undefined
  #drafts = 0
  /** Directories with new names in them, for the next `sync`: one for each two digits. */
  readonly #dirty = new Set<string>()
  #syncing: Promise<void> = Promise.resolve()

  constructor(root: string, freeBytesMin: number, stagesAs?: Identity) {
    this.#places = new Places(root)
    this.#freeBytesMin = freeBytesMin
    this.#stagesAs = stagesAs
  }

  walk(directory: string, patterns: readonly string[], bounds: WalkBounds): Promise<Found> {
    return walk(directory, patterns, bounds, this.#stagesAs)
  }

  async take(directory: string, path: string, bytesMax: number): Promise<Draft> {
    const source = await openFound(directory, path, this.#stagesAs)
    // No two threads of one agent's life have the same id.
    const name = `${threadId}.${++this.#drafts}`
    try {
      const { mode } = await source.stat()
      const copied = await this.#copyIn(source, name, bytesMax, path)
      return { name, executable: (mode & 0o100) !== 0, ...copied }
    } catch (error) {
      await rm(this.#places.draft(name), { force: true })
      throw error
    } finally {
      await source.close()
    }
  }

  async #copyIn(source: FileHandle, name: string, bytesMax: number, path: string) {
    const target = await this.#create(this.#places.draft(name))
    try {
      const digests: Uint8Array[] = []
      // One byte more than there should be tells a file that has grown.
      const buffer = new Uint8Array(Math.min(chunkBytes, bytesMax + 1))
      let sizeBytes = 0
      for (;;) {
        const length = await readFully(source, buffer, sizeBytes)
        if (length === 0) break
        const chunk = buffer.subarray(0, length)
        if (sizeBytes + length > bytesMax) {
          throw new BlobError('tooLarge', `${path} is larger than ${bytesMax} bytes`)
        }
        await this.#claim(length)
        digests.push(digestOf(chunk))
        await writeFully(target, chunk, sizeBytes)
        sizeBytes += length
        if (length < chunkBytes) break
      }
      await target.sync()
      return { sizeBytes, chunks: new Uint8Array(Buffer.concat(digests)) }
    } finally {
      await target.close()
    }
  }

  async keep(draft: string, hash: ContentHash): Promise<void> {
    const whole = this.#places.whole(hash)
    await this.#places.rename(this.#places.draft(draft), whole)
    this.#dirty.add(join(whole, '..')).add(this.#places.blobs)
    await rm(this.#places.part(hash), { force: true })
  }

  async drop(draft: string): Promise<void> {
    await rm(this.#places.draft(draft), { force: true })
  }

  async begin(blob: Blob): Promise<number[]> {
    const part = await this.#openPart(blob.hash)
    try {
      const { size } = await part.stat()
      if (size > blob.sizeBytes) await part.truncate(blob.sizeBytes)
      const missing: number[] = []
      const count = chunkCount(blob.sizeBytes)
      const buffer = new Uint8Array(Math.min(chunkBytes, blob.sizeBytes))
      for (let index = 0; index < count; index++) {
        const there = index * chunkBytes < size && (await isWhole(part, blob, index, buffer))
        if (!there) missing.push(index)
      }
      return missing
    } finally {
      await part.close()
    }
  }

  async put({ hash, index, length, digest }: ChunkRef, bytes: Uint8Array): Promise<boolean> {
    if (bytes.length !== length || !hasDigest(bytes, digest)) return false
    await this.#claim(length)
    const path = this.#places.part(hash)
    const part = await this.#places.with(path, () => open(path, openForParts, 0o600))
    try {
      await writeFully(part, bytes, index * chunkBytes)
    } finally {
      await part.close()
    }
    return true
  }

  async finish(hash: ContentHash): Promise<void> {
    await this.#places.rename(this.#places.part(hash), this.#places.whole(hash))
  }

  /** One after another: who comes second may rely on what the first is still about. */
  sync(): Promise<void> {
    const sync = this.#syncing.then(() => this.#syncDirty())
    this.#syncing = sync.catch(() => {})
    return sync
  }

  async #syncDirty(): Promise<void> {
    for (const path of [...this.#dirty]) {
      const directory = await open(path, 'r')
      try {
        // Before it is synced: a name that comes meanwhile is for the next time.
        this.#dirty.delete(path)
        await directory.sync()
      } catch (error) {
        this.#dirty.add(path)
        throw error
      } finally {
        await directory.close()
      }
    }
  }

  async read({ hash, index, length, digest }: ChunkRef): Promise<ChunkRead> {
    const file = await openIfThere(this.#places.whole(hash))
    if (file === undefined) return { kind: 'missing' }
    try {
      const bytes = new Uint8Array(length)
      const there = (await readFully(file, bytes, index * chunkBytes)) === length
      return there && hasDigest(bytes, digest) ? { kind: 'bytes', bytes } : { kind: 'damaged' }
    } finally {
      await file.close()
    }
  }

  async place(blob: Blob, directory: string, path: string, executable: boolean): Promise<Placed> {
    const source = await openIfThere(this.#places.whole(blob.hash))
    if (source === undefined) return 'missing'
    try {
      const buffer = new Uint8Array(Math.min(chunkBytes, blob.sizeBytes))
      const how = { executable, as: this.#stagesAs }
      const whole = await placeFile(directory, path, how, async (file) => {
        for (let index = 0; index < chunkCount(blob.sizeBytes); index++) {
          const chunk = buffer.subarray(0, chunkLength(blob.sizeBytes, index))
          if (!(await isWhole(source, blob, index, chunk))) return false
          await writeFully(file, chunk, index * chunkBytes)
        }
        return true
      })
      return whole ? 'placed' : 'damaged'
    } finally {
      await source.close()
    }
  }

  async demote(hash: ContentHash): Promise<void> {
    try {
      await this.#places.prepared()
      await rename(this.#places.whole(hash), this.#places.part(hash))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }

  async remove(hash: ContentHash): Promise<void> {
    await rm(this.#places.whole(hash), { force: true })
    await rm(this.#places.part(hash), { force: true })
  }

  digest(bytes: Uint8Array): Promise<ContentHash> {
    return Promise.resolve(hashOf(bytes))
  }

  async #claim(bytes: number): Promise<void> {
    if (this.#space === undefined) {
      await this.#places.prepared()
      this.#space = new FreeSpace(this.#places.root, this.#freeBytesMin)
    }
    try {
      this.#space.claim(bytes)
    } catch (error) {
      throw error instanceof DiskError ? new BlobError('full', error.message, error) : error
    }
  }

  async #create(path: string): Promise<FileHandle> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
    return this.#places.with(path, () => open(path, flags, 0o600))
  }

  /** Also of a blob that is whole, or was thought to be: then it is looked at again. */
  async #openPart(hash: ContentHash): Promise<FileHandle> {
    await this.demote(hash)
    const path = this.#places.part(hash)
    return this.#places.with(path, () => open(path, openForParts, 0o600))
  }
}

async function isWhole(
  file: FileHandle,
  blob: Blob,
  index: number,
  buffer: Uint8Array,
): Promise<boolean> {
  const chunk = buffer.subarray(0, chunkLength(blob.sizeBytes, index))
  const length = await readFully(file, chunk, index * chunkBytes)
  return length === chunk.length && isChunk(blob, index, chunk)
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
