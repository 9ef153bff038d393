/**
 * What a machine keeps of blobs, whatever becomes of the program. A loss of power takes what was
 * not synced: a name that was new may be gone, and of what was fetched each chunk is there, or is
 * not, or is garbage.
 */
import { type ContentHash, chunkCount } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import { below, type Entropy } from '../../protocol/ports/entropy.ts'
import type { CrashKind } from './host.ts'

const { chunkBytes } = artifactLimits

export interface KeptBlob {
  bytes: Uint8Array
  whole: boolean
  /** Whether it outlasts a loss of power: now, after the next sync, or by luck only. */
  safe: 'now' | 'soon' | 'never'
}

export class BlobPlatter {
  readonly kept = new Map<ContentHash, KeptBlob>()
  readonly drafts = new Map<string, Uint8Array>()
  /** Paths of files in stages' directories that can be run. */
  readonly executables = new Set<string>()
  /** Bytes that may lie here. What goes beyond is refused with `full`. */
  capacityBytes = 100e9
  private readonly entropy: Entropy

  constructor(entropy: Entropy) {
    this.entropy = entropy
  }

  get usedBytes(): number {
    let used = 0
    for (const { bytes } of this.kept.values()) used += bytes.length
    for (const bytes of this.drafts.values()) used += bytes.length
    return used
  }

  crash(kind: CrashKind): void {
    if (kind === 'kill') return
    this.drafts.clear()
    for (const [hash, blob] of this.kept) {
      if (blob.safe === 'now') continue
      if (below(this.entropy, 2) === 0) this.kept.delete(hash)
      else if (blob.safe === 'never') this.tear(blob.bytes)
    }
  }

  /** By one with nothing on it. */
  replace(): void {
    this.kept.clear()
    this.drafts.clear()
  }

  /** Turns one bit. False when there is nothing to turn. */
  flipBit(hash: ContentHash): boolean {
    const bytes = this.kept.get(hash)?.bytes
    if (bytes === undefined || bytes.length === 0) return false
    const at = below(this.entropy, bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << below(this.entropy, 8))
    return true
  }

  private tear(bytes: Uint8Array): void {
    for (let index = 0; index < chunkCount(bytes.length); index++) {
      const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)
      const fate = below(this.entropy, 3)
      if (fate === 0) chunk.fill(0)
      else if (fate === 1) chunk.fill(0, below(this.entropy, chunk.length))
    }
  }
}
