/**
 * Where contents of files lie, each under its name, and the way of files in and out. All hashing is
 * done behind this port, off the event loop.
 *
 * Invariant: what `read` and `place` hand out has been hashed on the way and is what its name says,
 * whatever a crash or the disk has done to it. A blob is whole, or a part with some chunks missing.
 */
import type { Blob, ContentHash } from '../artifacts/hashes.ts'

export type BlobErrorCode =
  | 'full'
  | 'notFound'
  | 'denied'
  /** More files, or a larger one, than the caller said. */
  | 'tooMany'
  | 'tooLarge'
  /** A path that leads elsewhere, or that is taken by something that is no file. */
  | 'badPath'
  | 'closed'
  | 'failed'

export class BlobError extends Error {
  readonly code: BlobErrorCode
  constructor(code: BlobErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'BlobError'
    this.code = code
  }
}

export interface WalkBounds {
  /** Files that match. One more, and the walk fails with `tooMany`. */
  filesMax: number
  /** Everything looked at, likewise. */
  entriesMax: number
  depthMax: number
}

export interface FoundFile {
  /** Relative, with `/`. */
  path: string
  sizeBytes: number
  /** Which pattern took it, by its place. */
  pattern: number
}

export interface Found {
  /** In no particular order. */
  files: FoundFile[]
  /** Matching names that are no ordinary files (links, pipes, devices): left out. */
  leftOut: string[]
}

/** A copy of a file, not yet named. */
export interface Draft {
  readonly name: string
  readonly sizeBytes: number
  readonly executable: boolean
  readonly chunks: Uint8Array
}

export interface HeldBlob {
  hash: ContentHash
  /** Of a part, what has come of it may be less. */
  sizeBytes: number
  whole: boolean
}

export type ChunkRead = { kind: 'bytes'; bytes: Uint8Array } | { kind: 'missing' | 'damaged' }
export type Placed = 'placed' | 'missing' | 'damaged'

/**
 * Every method rejects with `BlobError`. Calls for one blob are made one after another, but for
 * `read`, `put` and `place`.
 */
export interface Blobs {
  /** Ordinary files below an absolute directory that the patterns take. Links are not followed. */
  walk(directory: string, patterns: readonly string[], bounds: WalkBounds): Promise<Found>
  /** Copies a file found by `walk`, hashing it as it goes. */
  take(directory: string, path: string, bytesMax: number): Promise<Draft>
  /** Gives a draft its name. A blob that is there already is replaced: it may be damaged. */
  keep(draft: Draft, blob: Blob): Promise<void>
  drop(draft: Draft): Promise<void>
  /** Says which chunks are missing, of a whole blob too. Looks at every byte that is there. */
  begin(blob: Blob): Promise<number[]>
  /**
   * Makes the part if there is none. False, and nothing is changed, when the bytes are not this
   * chunk. Takes the buffer over.
   */
  put(blob: Blob, index: number, bytes: Uint8Array): Promise<boolean>
  /**
   * No chunk is missing any more: the blob is whole. It is a copy of what lies elsewhere, so no time
   * is spent on making it outlast a loss of power.
   */
  finish(blob: Blob): Promise<void>
  /** Everything kept until now survives a loss of power. */
  sync(): Promise<void>
  read(blob: Blob, index: number): Promise<ChunkRead>
  /**
   * Copies a blob to a path in an absolute directory, with what directories it takes, in the place
   * of a file that is there. Follows no link on the way, and leaves nothing half done.
   */
  place(blob: Blob, directory: string, path: string, executable: boolean): Promise<Placed>
  /** A whole blob that is not what it should be becomes a part; `begin` then tells what is lost. */
  demote(hash: ContentHash): Promise<void>
  /** Whole or part; nothing when there is none. */
  remove(hash: ContentHash): Promise<void>
  /** What there is. Drafts of an earlier life are removed. */
  list(): Promise<HeldBlob[]>
  digest(bytes: Uint8Array): Promise<ContentHash>
  close(): Promise<void>
}
