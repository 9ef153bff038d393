/**
 * Names of content. A blob is named by the digests of its chunks, so that each chunk can be proven
 * by itself and a file is hashed in one pass; `sha256sum` of the file is another figure.
 */
import { hash } from 'node:crypto'
import { assert } from '../assert.ts'
import { artifactLimits, digestBytes } from './limits.ts'

/** 64 hexadecimal digits. */
export type ContentHash = string & { readonly __brand: 'ContentHash' }

/** A file's content, in chunks: all of `chunkBytes` but the last, which is not empty. */
export interface Blob {
  readonly hash: ContentHash
  readonly sizeBytes: number
  /** The digests of the chunks, one after the other. */
  readonly chunks: Uint8Array
}

export function isContentHash(text: string): text is ContentHash {
  return /^[0-9a-f]{64}$/.test(text)
}

export function digestOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

export function hashOf(bytes: Uint8Array): ContentHash {
  return hash('sha256', bytes, 'hex') as ContentHash
}

export function blobOf(sizeBytes: number, chunks: Uint8Array): Blob {
  assert(chunks.length === chunkCount(sizeBytes) * digestBytes, 'a chunk must have one digest', {
    sizeBytes,
    digests: chunks.length / digestBytes,
  })
  // What was decoded is a view of a whole manifest, which is not to be kept, nor sent to a thread.
  const own = chunks.slice()
  const named = new Uint8Array(16 + own.length)
  named.set(new TextEncoder().encode('skblob/1'))
  new DataView(named.buffer).setBigUint64(8, BigInt(sizeBytes))
  named.set(own, 16)
  return { hash: hashOf(named), sizeBytes, chunks: own }
}

export function chunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / artifactLimits.chunkBytes)
}

export function chunkLength(sizeBytes: number, index: number): number {
  assert(index >= 0 && index < chunkCount(sizeBytes), 'a chunk must be in its blob', { index })
  return Math.min(artifactLimits.chunkBytes, sizeBytes - index * artifactLimits.chunkBytes)
}

/** A copy, for whoever should not get the list of a large blob with every chunk. */
export function chunkDigest(blob: Blob, index: number): Uint8Array {
  return blob.chunks.slice(index * digestBytes, (index + 1) * digestBytes)
}

/** Whether these bytes are the chunk. */
export function isChunk(blob: Blob, index: number, bytes: Uint8Array): boolean {
  if (bytes.length !== chunkLength(blob.sizeBytes, index)) return false
  return hasDigest(bytes, blob.chunks.subarray(index * digestBytes, (index + 1) * digestBytes))
}

export function hasDigest(bytes: Uint8Array, digest: Uint8Array): boolean {
  return Buffer.compare(digestOf(bytes), digest) === 0
}
