/**
 * Blobs in real files. Everything is done in one thread beside the agent's: what is hashed, read and
 * written there costs the event loop a message each way. The thread starts with the first request.
 */
import { Worker } from 'node:worker_threads'
import {
  type Blob,
  type ContentHash,
  chunkDigest,
  chunkLength,
} from '../../../protocol/artifacts/hashes.ts'
import {
  BlobError,
  type Blobs,
  type ChunkRead,
  type Draft,
  type Found,
  type HeldBlob,
  type Placed,
  type WalkBounds,
} from '../../../protocol/ports/blobs.ts'
import type { Identity } from '../identity.ts'
import { blobLimits } from '../limits.ts'
import { blobErrorOf } from './errors.ts'
import { listIn } from './list.ts'
import { Places } from './places.ts'
import type { BlobCall, BlobRequest, BlobResponse, BlobThreadData, ChunkRef } from './requests.ts'

interface Waiting {
  resolve: (value: unknown) => void
  reject: (error: BlobError) => void
}

export class FileBlobs implements Blobs {
  readonly #root: string
  readonly #freeBytesMin: number
  readonly #stagesAs: Identity | undefined
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #nextId = 1
  #closed = false
  readonly #rest = setTimeout(() => this.#endIdle(), blobLimits.threadIdleMs).unref()
  /** Set while closing waits for what was asked for before. */
  #idle: PromiseWithResolvers<void> | undefined

  /** `stagesAs`: whom stages run as, where that is not the agent's own user. */
  constructor(
    root: string,
    { freeBytesMin }: { freeBytesMin: number } = blobLimits,
    stagesAs?: Identity,
  ) {
    this.#root = root
    this.#freeBytesMin = freeBytesMin
    this.#stagesAs = stagesAs
  }

  walk(directory: string, patterns: readonly string[], bounds: WalkBounds): Promise<Found> {
    return this.#ask('walk', [directory, patterns, bounds])
  }

  take(directory: string, path: string, bytesMax: number): Promise<Draft> {
    return this.#ask('take', [directory, path, bytesMax])
  }

  keep(draft: Draft, blob: Blob): Promise<void> {
    return this.#ask('keep', [draft.name, blob.hash])
  }

  drop(draft: Draft): Promise<void> {
    return this.#ask('drop', [draft.name])
  }

  begin(blob: Blob): Promise<number[]> {
    return this.#ask('begin', [blob])
  }

  put(blob: Blob, index: number, bytes: Uint8Array): Promise<boolean> {
    const alone = bytes.byteLength === bytes.buffer.byteLength
    return this.#ask('put', [refOf(blob, index), bytes], alone ? [bytes.buffer as ArrayBuffer] : [])
  }

  finish(blob: Blob): Promise<void> {
    return this.#ask('finish', [blob.hash])
  }

  sync(): Promise<void> {
    return this.#ask('sync', [])
  }

  read(blob: Blob, index: number): Promise<ChunkRead> {
    return this.#ask('read', [refOf(blob, index)])
  }

  place(blob: Blob, directory: string, path: string, executable: boolean): Promise<Placed> {
    return this.#ask('place', [blob, directory, path, executable])
  }

  demote(hash: ContentHash): Promise<void> {
    return this.#ask('demote', [hash])
  }

  remove(hash: ContentHash): Promise<void> {
    return this.#ask('remove', [hash])
  }

  /** Not in the thread: nothing is hashed, and every agent asks it, also one without artifacts. */
  async list(): Promise<HeldBlob[]> {
    if (this.#closed) throw new BlobError('closed', 'the blobs are closed')
    try {
      return await listIn(new Places(this.#root))
    } catch (error) {
      throw blobErrorOf(error)
    }
  }

  digest(bytes: Uint8Array): Promise<ContentHash> {
    return this.#ask('digest', [bytes])
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#rest)
    const worker = this.#worker
    if (worker === undefined) return
    // What was asked for before is finished: a thread that is ended could leave half of it.
    if (this.#waiting.size > 0) {
      this.#idle = Promise.withResolvers<void>()
      await this.#idle.promise
    }
    this.#worker = undefined
    await worker.terminate()
  }

  #ask<T>(call: BlobCall, args: unknown[], transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#closed) return Promise.reject(new BlobError('closed', 'the blobs are closed'))
    const worker = this.#running()
    const id = this.#nextId++
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      if (this.#waiting.size === 1) worker.ref()
      worker.postMessage({ id, call, args } satisfies BlobRequest, transfer)
    })
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./blob-thread.ts', import.meta.url), {
      workerData: {
        root: this.#root,
        freeBytesMin: this.#freeBytesMin,
        stagesAs: this.#stagesAs,
      } satisfies BlobThreadData,
      execArgv: [],
    })
    worker.on('message', (response: BlobResponse) => this.#answered(response))
    worker.on('error', (error: unknown) => this.#lost(worker, String(error)))
    worker.on('exit', (code) => this.#lost(worker, `its thread ended with code ${code}`))
    worker.unref()
    this.#worker = worker
    return worker
  }

  #answered(response: BlobResponse): void {
    const waiting = this.#waiting.get(response.id)
    if (waiting === undefined) return
    this.#waiting.delete(response.id)
    if (this.#waiting.size === 0) {
      this.#worker?.unref()
      this.#idle?.resolve()
      this.#rest.refresh()
    }
    if (response.ok) waiting.resolve(response.value)
    else waiting.reject(new BlobError(response.code, response.message))
  }

  /** A thread costs some 30 MiB (measured, run from sources). */
  #endIdle(): void {
    const worker = this.#worker
    if (worker === undefined || this.#waiting.size > 0) return
    this.#worker = undefined
    void worker.terminate()
  }

  /** The next request starts another thread. */
  #lost(worker: Worker, why: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new BlobError('failed', why))
    this.#idle?.resolve()
  }
}

function refOf(blob: Blob, index: number): ChunkRef {
  const length = chunkLength(blob.sizeBytes, index)
  return { hash: blob.hash, index, length, digest: chunkDigest(blob, index) }
}
