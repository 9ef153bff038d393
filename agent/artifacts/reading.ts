/**
 * What lies here, read in such a way that only what is right comes out. What proves damaged is not
 * offered any more.
 */
import type { Blob, ContentHash } from '../../protocol/artifacts/hashes.ts'
import { blobsOf, decodeManifest } from '../../protocol/artifacts/manifest.ts'
import type { RefusalCode } from '../../protocol/artifacts/messages.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import type { Catalogue, KnownManifest } from './catalogue.ts'
import type { Manifest } from './fetching.ts'
import type { Locks } from './locks.ts'
import type { ArtifactRows } from './rows.ts'
import type { Served } from './serving.ts'

export class Reading implements Served {
  readonly #blobs: Blobs
  readonly #rows: ArtifactRows
  readonly #catalogue: Catalogue
  readonly #locks: Locks
  /** The number of the last use. */
  uses = 0

  constructor(blobs: Blobs, rows: ArtifactRows, catalogue: Catalogue, locks: Locks) {
    this.#blobs = blobs
    this.#rows = rows
    this.#catalogue = catalogue
    this.#locks = locks
  }

  async used(manifest: KnownManifest): Promise<void> {
    this.#catalogue.used(manifest)
    await this.#rows.used(manifest.hash, ++this.uses)
  }

  /** The manifest as it lies here, if it does and is what its name says. */
  async found(hash: ContentHash): Promise<Manifest | undefined> {
    const encoded = await this.#encoded(hash)
    if (encoded === undefined) return undefined
    const manifest = decodeManifest(encoded)
    if (typeof manifest === 'string') return undefined
    return { hash, encoded, manifest, blobs: blobsOf(manifest) }
  }

  // ── For others ────────────────────────────────────────────────────────────────────────────────

  async manifest(hash: ContentHash): Promise<Uint8Array | RefusalCode> {
    const known = this.#catalogue.manifest(hash)
    if (known === undefined) return 'notHeld'
    const encoded = await this.#encoded(hash)
    if (encoded === undefined) return 'damaged'
    await this.used(known)
    return encoded
  }

  blob(hash: ContentHash): Blob | undefined {
    return this.#catalogue.whole(hash)
  }

  async chunk(blob: Blob, index: number): Promise<Uint8Array | RefusalCode> {
    const chunk = await this.#blobs.read(blob, index)
    if (chunk.kind === 'bytes') return chunk.bytes
    await this.damaged(blob.hash)
    return chunk.kind === 'missing' ? 'notHeld' : 'damaged'
  }

  /** It is fetched again when it is needed here; until then, nobody is told that it is here. */
  async damaged(hash: ContentHash): Promise<void> {
    await this.#locks.with(hash, async () => {
      if (this.#catalogue.whole(hash) === undefined) return
      this.#catalogue.becomes(hash, 'partial')
      await this.#blobs.demote(hash)
    })
  }

  async #encoded(hash: ContentHash): Promise<Uint8Array | undefined> {
    if (this.#catalogue.manifest(hash) === undefined) return undefined
    const encoded = await this.#rows.manifest(hash)
    if (encoded === undefined) return undefined
    return (await this.#blobs.digest(encoded)) === hash ? encoded : undefined
  }
}
