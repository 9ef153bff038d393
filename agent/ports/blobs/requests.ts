/** What the agent asks of its blob thread, and what comes back. */
import type { ContentHash } from '../../../protocol/artifacts/hashes.ts'
import type { BlobErrorCode, Blobs } from '../../../protocol/ports/blobs.ts'
import type { Identity } from '../identity.ts'

export type BlobCall = Exclude<keyof Blobs, 'list' | 'close'>

/** Of a blob whose list of chunks may be long, what one chunk takes. */
export interface ChunkRef {
  hash: ContentHash
  index: number
  length: number
  digest: Uint8Array
}

export interface BlobThreadData {
  root: string
  freeBytesMin: number
  /** What stages may not read or write is neither read nor written for them. */
  stagesAs: Identity | undefined
}

export interface BlobRequest {
  id: number
  call: BlobCall
  args: unknown[]
}

export type BlobResponse =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; code: BlobErrorCode; message: string }
