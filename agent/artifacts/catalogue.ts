/**
 * What lies here, in memory: contents, and the manifests that lead to them. Contents that no
 * manifest leads to are left from something interrupted; they may save a transfer, and go first.
 *
 * Invariant: `usedBytes` is the size of all contents, whole or not, and `heldBytes` of those that
 * may not be removed: somebody works with them, or a run pins a manifest that leads to them.
 */

import type { Blob, ContentHash } from '../../protocol/artifacts/hashes.ts'
import { assert } from '../../protocol/assert.ts'

interface Content {
  readonly hash: ContentHash
  readonly sizeBytes: number
  /** Unknown of what was found here and no manifest tells about. */
  blob: Blob | undefined
  whole: boolean
  /** Manifests that lead to it. */
  manifests: number
  holds: number
}

export interface KnownManifest {
  readonly hash: ContentHash
  readonly sizeBytes: number
  readonly blobs: readonly ContentHash[]
  readonly runs: Set<string>
  holds: number
}

export type Victim =
  | { kind: 'content'; hash: ContentHash }
  | { kind: 'manifest'; manifest: KnownManifest }

export class Catalogue {
  readonly #contents = new Map<ContentHash, Content>()
  /** In the order of their last use, longest ago first. */
  readonly #manifests = new Map<ContentHash, KnownManifest>()
  /** Contents that nobody holds and no manifest leads to, oldest first. */
  readonly #loose = new Set<ContentHash>()
  readonly #byRun = new Map<string, Set<KnownManifest>>()
  usedBytes = 0
  heldBytes = 0

  get contents(): number {
    return this.#contents.size
  }

  get manifests(): number {
    return this.#manifests.size
  }

  get runs(): string[] {
    return [...this.#byRun.keys()]
  }

  clear(): void {
    this.#contents.clear()
    this.#manifests.clear()
    this.#loose.clear()
    this.#byRun.clear()
    this.usedBytes = 0
    this.heldBytes = 0
  }

  manifest(hash: ContentHash): KnownManifest | undefined {
    return this.#manifests.get(hash)
  }

  /** Whole here, as far as is known: what has been damaged since shows when it is read. */
  whole(hash: ContentHash): Blob | undefined {
    const content = this.#contents.get(hash)
    return content?.whole === true ? content.blob : undefined
  }

  knows(hash: ContentHash): boolean {
    return this.#contents.has(hash)
  }

  complete({ blobs }: KnownManifest): boolean {
    return blobs.every((hash) => this.whole(hash) !== undefined)
  }

  wholeBytes({ blobs }: KnownManifest): number {
    return blobs.reduce((sum, hash) => sum + (this.whole(hash)?.sizeBytes ?? 0), 0)
  }

  // ── Contents ──────────────────────────────────────────────────────────────────────────────────

  /** Found at the start. */
  found(hash: ContentHash, sizeBytes: number): void {
    this.#add({ hash, sizeBytes, blob: undefined, whole: false, manifests: 0, holds: 0 })
    this.#loose.add(hash)
  }

  /** Somebody works with it, until `release`. True when it was not known before. */
  hold(blob: Blob): boolean {
    const known = this.#contents.get(blob.hash)
    if (known !== undefined && known.sizeBytes === blob.sizeBytes) {
      known.blob ??= blob
      this.#hold(known)
      return false
    }
    if (known !== undefined) this.#drop(known)
    const content = { hash: blob.hash, sizeBytes: blob.sizeBytes, blob, whole: false }
    this.#hold(this.#add({ ...content, manifests: 0, holds: 0 }))
    return known === undefined
  }

  release(hash: ContentHash): void {
    this.#release(this.#content(hash))
  }

  becomes(hash: ContentHash, state: 'whole' | 'partial'): void {
    const content = this.#contents.get(hash)
    if (content !== undefined) content.whole = state === 'whole'
  }

  // ── Manifests ─────────────────────────────────────────────────────────────────────────────────

  /** All that it leads to is known. Used last, from now on. */
  add(hash: ContentHash, blobs: readonly Blob[]): KnownManifest {
    const known = this.#manifests.get(hash)
    if (known !== undefined) return known
    const sizeBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0)
    const hashes = blobs.map((blob) => blob.hash)
    const manifest = { hash, sizeBytes, blobs: hashes, runs: new Set<string>(), holds: 0 }
    for (const blob of blobs) {
      const content = this.#content(blob.hash)
      content.blob ??= blob
      content.manifests++
      this.#loose.delete(blob.hash)
    }
    this.#manifests.set(hash, manifest)
    return manifest
  }

  used(manifest: KnownManifest): void {
    if (!this.#manifests.delete(manifest.hash)) return
    this.#manifests.set(manifest.hash, manifest)
  }

  holdManifest(manifest: KnownManifest): void {
    if (manifest.holds++ > 0) return
    for (const hash of manifest.blobs) this.#hold(this.#content(hash))
  }

  releaseManifest(manifest: KnownManifest): void {
    assert(manifest.holds > 0, 'a manifest is released as often as it was held')
    if (--manifest.holds > 0) return
    for (const hash of manifest.blobs) this.#release(this.#content(hash))
  }

  /** False when the run pins it already. */
  pin(manifest: KnownManifest, run: string): boolean {
    if (manifest.runs.has(run)) return false
    manifest.runs.add(run)
    const pinned = this.#byRun.get(run) ?? new Set()
    this.#byRun.set(run, pinned.add(manifest))
    this.holdManifest(manifest)
    return true
  }

  unpin(run: string): ContentHash[] {
    const pinned = [...(this.#byRun.get(run) ?? [])]
    this.#byRun.delete(run)
    for (const manifest of pinned) {
      manifest.runs.delete(run)
      this.releaseManifest(manifest)
    }
    return pinned.map(({ hash }) => hash)
  }

  // ── Room ──────────────────────────────────────────────────────────────────────────────────────

  /** What is to go first; undefined when everything is held. */
  victim(): Victim | undefined {
    const [loose] = this.#loose
    if (loose !== undefined) return { kind: 'content', hash: loose }
    for (const manifest of this.#manifests.values()) {
      if (manifest.holds === 0) return { kind: 'manifest', manifest }
    }
    return undefined
  }

  forgetContent(hash: ContentHash): void {
    this.#drop(this.#content(hash))
  }

  /** Says which contents have become loose by it. */
  forgetManifest(manifest: KnownManifest): void {
    assert(manifest.holds === 0, 'a manifest that somebody holds stays', { hash: manifest.hash })
    this.#manifests.delete(manifest.hash)
    for (const hash of manifest.blobs) {
      const content = this.#content(hash)
      content.manifests--
      this.#noteLoose(content)
    }
  }

  #content(hash: ContentHash): Content {
    const content = this.#contents.get(hash)
    assert(content !== undefined, 'a content that is led to must be known', { hash })
    return content
  }

  #add(content: Content): Content {
    this.#contents.set(content.hash, content)
    this.usedBytes += content.sizeBytes
    return content
  }

  #drop(content: Content): void {
    assert(content.holds === 0 && content.manifests === 0, 'what goes must be loose', {
      hash: content.hash,
    })
    this.#contents.delete(content.hash)
    this.#loose.delete(content.hash)
    this.usedBytes -= content.sizeBytes
  }

  #hold(content: Content): void {
    if (content.holds++ > 0) return
    this.#loose.delete(content.hash)
    this.heldBytes += content.sizeBytes
  }

  #release(content: Content): void {
    assert(content.holds > 0, 'a content is released as often as it was held')
    if (--content.holds > 0) return
    this.heldBytes -= content.sizeBytes
    this.#noteLoose(content)
  }

  #noteLoose(content: Content): void {
    if (content.holds === 0 && content.manifests === 0) this.#loose.add(content.hash)
  }
}
