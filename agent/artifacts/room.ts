/**
 * Room for contents. Who wants to bring some in reserves it first; what nobody needs makes way, and
 * when that is not enough nothing is removed and the answer is no.
 */
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import type { Catalogue, KnownManifest } from './catalogue.ts'
import { ArtifactError } from './errors.ts'
import type { StoreLimits } from './limits.ts'
import type { Locks } from './locks.ts'
import type { ArtifactRows } from './rows.ts'

export interface Reservation {
  /** So much of it is in the catalogue now. */
  spend(bytes: number): void
  /** Gives up what was not spent. */
  end(): void
}

export class Room {
  readonly #blobs: Blobs
  readonly #rows: ArtifactRows
  readonly #catalogue: Catalogue
  readonly #locks: Locks
  readonly #limits: StoreLimits
  #reservedBytes = 0
  #reservedContents = 0
  #removed = 0

  constructor(
    blobs: Blobs,
    rows: ArtifactRows,
    catalogue: Catalogue,
    locks: Locks,
    limits: StoreLimits,
  ) {
    this.#blobs = blobs
    this.#rows = rows
    this.#catalogue = catalogue
    this.#locks = locks
    this.#limits = limits
  }

  /** Manifests and loose contents removed to make room, since the start. */
  get removed(): number {
    return this.#removed
  }

  async reserve(bytes: number, contents: number): Promise<Reservation> {
    this.#refuse(bytes)
    this.#reservedBytes += bytes
    this.#reservedContents += contents
    let [bytesLeft, contentsLeft] = [bytes, contents]
    const reservation = {
      spend: (spent: number) => {
        const less = Math.min(bytesLeft, spent)
        bytesLeft -= less
        this.#reservedBytes -= less
        if (contentsLeft > 0) {
          contentsLeft--
          this.#reservedContents--
        }
      },
      end: () => {
        this.#reservedBytes -= bytesLeft
        this.#reservedContents -= contentsLeft
        bytesLeft = 0
        contentsLeft = 0
      },
    }
    try {
      await this.#make(bytes)
    } catch (error) {
      reservation.end()
      throw error
    }
    return reservation
  }

  async #make(bytes: number): Promise<void> {
    const catalogue = this.#catalogue
    const { quotaBytes, blobsMax, manifestsMax } = this.#limits
    while (
      catalogue.usedBytes + this.#reservedBytes > quotaBytes ||
      catalogue.contents + this.#reservedContents > blobsMax ||
      catalogue.manifests >= manifestsMax
    ) {
      const victim = catalogue.victim()
      if (victim === undefined) throw this.#full(bytes)
      this.#removed++
      if (victim.kind === 'content') await this.#removeContent(victim.hash)
      else await this.removeManifest(victim.manifest)
    }
  }

  /** What it led to, and nothing else leads to, is loose then. */
  async removeManifest(manifest: KnownManifest): Promise<void> {
    this.#catalogue.forgetManifest(manifest)
    await this.#rows.forget(manifest.hash, manifest.runs)
  }

  async #removeContent(hash: ContentHash): Promise<void> {
    this.#catalogue.forgetContent(hash)
    await this.#locks.with(hash, async () => {
      // Somebody may have asked for it again while we waited.
      if (!this.#catalogue.knows(hash)) await this.#blobs.remove(hash)
    })
  }

  /** Before anything is removed: what is held stays, whatever else goes. */
  #refuse(bytes: number): void {
    const stays = this.#catalogue.heldBytes + this.#reservedBytes
    if (stays + bytes > this.#limits.quotaBytes) throw this.#full(bytes)
  }

  #full(bytes: number): ArtifactError {
    const { quotaBytes } = this.#limits
    const { heldBytes, contents, manifests } = this.#catalogue
    return new ArtifactError(
      'quotaFull',
      `${bytes} bytes of artifacts do not fit: ${heldBytes} of ${quotaBytes} bytes here (${contents} ` +
        `contents, ${manifests} sets) belong to runs that are not archived or are in use; archive ` +
        'runs, hand on less, or give the agent a larger quota',
    )
  }
}
