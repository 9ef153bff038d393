/** The `Blobs` port of one life of a host. What it keeps belongs to the machine. */
import { Globs } from '../../protocol/artifacts/glob.ts'
import {
  type Blob,
  type ContentHash,
  chunkCount,
  chunkLength,
  digestOf,
  hashOf,
  isChunk,
} from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { faultOfPath } from '../../protocol/artifacts/paths.ts'
import {
  BlobError,
  type BlobErrorCode,
  type Blobs,
  type ChunkRead,
  type Draft,
  type Found,
  type HeldBlob,
  type Placed,
  type WalkBounds,
} from '../../protocol/ports/blobs.ts'
import type { KeptBlob } from './blob-platter.ts'
import type { Host } from './host.ts'
import { blobTimes } from './limits.ts'

const { chunkBytes } = artifactLimits

export class SimulatedBlobs implements Blobs {
  private readonly host: Host
  private readonly life: number
  private draftsMade = 0
  private closed = false

  constructor(host: Host) {
    this.host = host
    this.life = host.life
  }

  walk(directory: string, patterns: readonly string[], bounds: WalkBounds): Promise<Found> {
    return this.soon(0, () => {
      const globs = Globs.compile(patterns)
      if (!(globs instanceof Globs)) throw fault('failed', `${globs.pattern}: ${globs.why}`)
      const entries = this.filesIn(directory)
      if (entries === undefined) throw fault('notFound', `${directory} is not there`)
      if (entries.size > bounds.entriesMax)
        throw fault('tooMany', `${directory} has too many entries`)
      const files = [...entries].flatMap(([path, bytes]) => {
        const pattern = globs.takesPath(path)
        return pattern === undefined ? [] : [{ path, sizeBytes: bytes.length, pattern }]
      })
      if (files.length > bounds.filesMax)
        throw fault('tooMany', `too many files of ${directory} match`)
      return { files, leftOut: [] }
    })
  }

  take(directory: string, path: string, bytesMax: number): Promise<Draft> {
    const size = this.filesIn(directory)?.get(path)?.length ?? 0
    return this.soon(size, () => {
      refuseBadPath(path)
      const bytes = this.filesIn(directory)?.get(path)
      if (bytes === undefined) throw fault('notFound', `${directory}/${path} is not there`)
      if (bytes.length > bytesMax)
        throw fault('tooLarge', `${path} is larger than ${bytesMax} bytes`)
      this.claim(bytes.length)
      const name = `${this.life}.${++this.draftsMade}`
      this.shelf.drafts.set(name, bytes.slice())
      const digests: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        digests.push(digestOf(bytes.subarray(at, at + chunkBytes)))
      }
      const executable = this.shelf.executables.has(`${directory}/${path}`)
      const chunks = new Uint8Array(Buffer.concat(digests))
      return { name, sizeBytes: bytes.length, executable, chunks }
    })
  }

  keep(draft: Draft, blob: Blob): Promise<void> {
    return this.soon(0, () => {
      const bytes = this.shelf.drafts.get(draft.name)
      if (bytes === undefined) throw fault('notFound', `the draft ${draft.name} is not there`)
      this.shelf.drafts.delete(draft.name)
      this.shelf.kept.set(blob.hash, { bytes, whole: true, safe: 'soon' })
    })
  }

  drop(draft: Draft): Promise<void> {
    return this.soon(0, () => void this.shelf.drafts.delete(draft.name))
  }

  begin(blob: Blob): Promise<number[]> {
    return this.soon(blob.sizeBytes, () => {
      const part = this.partOf(blob)
      const missing: number[] = []
      for (let index = 0; index < chunkCount(blob.sizeBytes); index++) {
        if (!isChunk(blob, index, chunkOf(part.bytes, blob, index))) missing.push(index)
      }
      return missing
    })
  }

  put(blob: Blob, index: number, bytes: Uint8Array): Promise<boolean> {
    return this.soon(bytes.length, () => {
      if (!isChunk(blob, index, bytes)) return false
      const known = this.shelf.kept.get(blob.hash)
      const part = known?.whole === false ? known : this.partOf(blob)
      part.bytes.set(bytes, index * chunkBytes)
      return true
    })
  }

  finish(blob: Blob): Promise<void> {
    return this.soon(0, () => {
      const part = this.shelf.kept.get(blob.hash)
      if (part === undefined || part.whole) throw fault('notFound', `${blob.hash} has no part`)
      part.whole = true
    })
  }

  sync(): Promise<void> {
    return this.soon(0, () => {
      for (const blob of this.shelf.kept.values()) if (blob.safe === 'soon') blob.safe = 'now'
    })
  }

  read(blob: Blob, index: number): Promise<ChunkRead> {
    return this.soon(chunkLength(blob.sizeBytes, index), (): ChunkRead => {
      const held = this.shelf.kept.get(blob.hash)
      if (held?.whole !== true) return { kind: 'missing' }
      const bytes = chunkOf(held.bytes, blob, index).slice()
      return isChunk(blob, index, bytes) ? { kind: 'bytes', bytes } : { kind: 'damaged' }
    })
  }

  place(blob: Blob, directory: string, path: string, executable: boolean): Promise<Placed> {
    return this.soon(blob.sizeBytes, (): Placed => {
      refuseBadPath(path)
      const held = this.shelf.kept.get(blob.hash)
      if (held?.whole !== true) return 'missing'
      for (let index = 0; index < chunkCount(blob.sizeBytes); index++) {
        if (!isChunk(blob, index, chunkOf(held.bytes, blob, index))) return 'damaged'
      }
      const { executables } = this.shelf
      const { files } = this.host.processTable
      const entries = files.get(directory) ?? new Map<string, Uint8Array>()
      files.set(directory, entries)
      entries.set(path, held.bytes.slice())
      if (executable) executables.add(`${directory}/${path}`)
      else executables.delete(`${directory}/${path}`)
      return 'placed'
    })
  }

  demote(hash: ContentHash): Promise<void> {
    return this.soon(0, () => {
      const held = this.shelf.kept.get(hash)
      if (held !== undefined) held.whole = false
    })
  }

  remove(hash: ContentHash): Promise<void> {
    return this.soon(0, () => void this.shelf.kept.delete(hash))
  }

  list(): Promise<HeldBlob[]> {
    return this.soon(0, () => {
      this.shelf.drafts.clear()
      return [...this.shelf.kept].map(([hash, { bytes, whole }]) => {
        return { hash, sizeBytes: bytes.length, whole }
      })
    })
  }

  digest(bytes: Uint8Array): Promise<ContentHash> {
    return this.soon(bytes.length, () => hashOf(bytes))
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  private get shelf() {
    return this.host.blobs
  }

  private filesIn(directory: string): Map<string, Uint8Array> | undefined {
    return this.host.processTable.files.get(directory)
  }

  private partOf(blob: Blob): KeptBlob {
    let part = this.shelf.kept.get(blob.hash)
    if (part === undefined) {
      this.claim(blob.sizeBytes)
      part = { bytes: new Uint8Array(blob.sizeBytes), whole: false, safe: 'never' }
      this.shelf.kept.set(blob.hash, part)
    }
    part.whole = false
    part.safe = 'never'
    return part
  }

  private claim(bytes: number): void {
    if (this.shelf.usedBytes + bytes <= this.shelf.capacityBytes) return
    throw fault('full', `${bytes} bytes more do not fit the disk`)
  }

  /** A life that is over gets no answer, and changes nothing. */
  private soon<T>(bytes: number, work: () => T): Promise<T> {
    if (this.closed) return Promise.reject(fault('closed', 'the blobs are closed'))
    const ms = blobTimes.callMs + bytes / blobTimes.bytesPerMs
    return new Promise((resolve, reject) => {
      if (this.life !== this.host.life) return
      this.host.later(ms, 'disk', 'blob', () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }
}

function chunkOf(bytes: Uint8Array, blob: Blob, index: number): Uint8Array {
  const from = index * chunkBytes
  return bytes.subarray(from, from + chunkLength(blob.sizeBytes, index))
}

function refuseBadPath(path: string): void {
  const why = faultOfPath(path)
  if (why !== undefined) throw fault('badPath', `${path}: ${why}`)
}

function fault(code: BlobErrorCode, message: string): BlobError {
  return new BlobError(code, message)
}
