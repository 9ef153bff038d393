/**
 * What a host remembers: one ordered key-value store with atomic batches.
 *
 * Invariant: a batch is applied whole or not at all, also across a crash. A batch written with
 * `durable: false` may be lost by a crash as long as no later durable batch or `sync` returned;
 * batches are never lost out of order.
 */
export type DiskOp = { put: string; value: Uint8Array } | { del: string }

export type DiskErrorCode = 'full' | 'readOnly' | 'corrupt' | 'closed' | 'failed'

export class DiskError extends Error {
  readonly code: DiskErrorCode
  constructor(code: DiskErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DiskError'
    this.code = code
  }
}

export interface ScanRange {
  /** First key, included. */
  from: string
  /** Last key, excluded. */
  to: string
  reverse?: boolean
  limit?: number
}

/** Keys are ordered by their UTF-8 bytes. Every method rejects with `DiskError`. */
export interface Disk {
  get(key: string): Promise<Uint8Array | undefined>
  write(batch: readonly DiskOp[], options: { durable: boolean }): Promise<void>
  scan(range: ScanRange): AsyncIterable<readonly [key: string, value: Uint8Array]>
  /** Returns when everything written before is safe from a crash. */
  sync(): Promise<void>
  close(): Promise<void>
  /**
   * Of the keys that begin with `prefix`, those that were deleted before are in none of the medium's
   * files any more when it returns. No key may be the prefix itself.
   */
  scrub(prefix: string): Promise<void>
}

/**
 * There when the medium has lost batches that were safe, from whoever opens it on. Who has promised
 * something by what it wrote begins anew, and deletes it.
 */
export const lostKey = 'disk/lost'

/** The range of all keys that begin with `prefix` (ASCII prefixes that end in `/`). */
export function within(prefix: string): ScanRange {
  return { from: prefix, to: `${prefix}\u{10FFFF}` }
}
