/**
 * One fetch: what is missing of a list of contents, brought in from one holder at a time. It can go
 * on with another holder where the last one stopped; what came is verified and stays.
 */
import { pipe } from 'it-pipe'
import { type Blob, type ContentHash, chunkCount } from '../../protocol/artifacts/hashes.ts'
import type { Blobs } from '../../protocol/ports/blobs.ts'
import { type Got, type Holder, HolderWrong, type Want } from './asking.ts'
import type { Catalogue } from './catalogue.ts'
import type { Locks } from './locks.ts'
import type { Reservation, Room } from './room.ts'

interface Underway {
  blob: Blob
  missing: Set<number>
  unlock: () => void
}

export class Transfer {
  readonly #blobs: Blobs
  readonly #catalogue: Catalogue
  readonly #locks: Locks
  /** Not begun yet. Always in the same order, so that two transfers never wait for each other. */
  readonly #rest: Blob[]
  readonly #underway = new Map<ContentHash, Underway>()
  /** What was missing of those that were begun and put back. Others may have brought more since. */
  readonly #known = new Map<ContentHash, Set<number>>()
  readonly #held = new Set<ContentHash>()
  #room: Reservation | undefined
  receivedBytes = 0

  constructor(blobs: Blobs, catalogue: Catalogue, locks: Locks, contents: readonly Blob[]) {
    this.#blobs = blobs
    this.#catalogue = catalogue
    this.#locks = locks
    this.#rest = [...contents].sort(laterFirst)
  }

  /**
   * Makes room for what is not known here at all. What is known is held first, or it might be what
   * has to make way.
   */
  async reserve(room: Room): Promise<void> {
    const strange: Blob[] = []
    for (const blob of this.#rest) {
      if (!this.#catalogue.knows(blob.hash)) strange.push(blob)
      else {
        this.#catalogue.hold(blob)
        this.#held.add(blob.hash)
      }
    }
    const bytes = strange.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    this.#room = await room.reserve(bytes, strange.length)
  }

  /** Everything is here. */
  get done(): boolean {
    return this.#rest.length === 0 && this.#underway.size === 0
  }

  /** Takes what needs no holder: whole already, left from an interrupted fetch, or empty. */
  async lookHere(): Promise<void> {
    try {
      const wants = this.#wants()
      while ((await wants.next()).done !== true);
    } finally {
      this.#suspend()
    }
  }

  /** Throws as `Holder` does, and `HolderWrong` for bytes that are not what was asked for. */
  async from(holder: Holder): Promise<void> {
    try {
      await pipe(
        this.#wants(),
        (wants) => holder.chunks(wants),
        (chunks) => this.#keep(chunks),
      )
    } finally {
      this.#suspend()
    }
  }

  /** Everything stays held in the catalogue, and room reserved, until this is called. */
  release(): void {
    for (const hash of this.#held) this.#catalogue.release(hash)
    this.#held.clear()
    this.#room?.end()
  }

  /** Nothing is locked while nobody is asked: others may want the same. */
  #suspend(): void {
    for (const { blob, missing, unlock } of this.#underway.values()) {
      this.#known.set(blob.hash, missing)
      this.#rest.push(blob)
      unlock()
    }
    this.#underway.clear()
    this.#rest.sort(laterFirst)
  }

  async *#wants(): AsyncGenerator<Want> {
    for (let blob = this.#rest.pop(); blob !== undefined; blob = this.#rest.pop()) {
      for (const index of await this.#begin(blob)) yield { blob, index }
    }
  }

  async #begin(blob: Blob): Promise<number[]> {
    const unlock = await this.#locks.acquire(blob.hash)
    const isNew = !this.#held.has(blob.hash) && this.#catalogue.hold(blob)
    this.#held.add(blob.hash)
    if (isNew) this.#room?.spend(blob.sizeBytes)
    if (this.#catalogue.whole(blob.hash) !== undefined) {
      unlock()
      return []
    }
    const underway = { blob, missing: this.#known.get(blob.hash) ?? new Set(allOf(blob)), unlock }
    this.#underway.set(blob.hash, underway)
    if (!isNew && !this.#known.has(blob.hash)) {
      underway.missing = new Set(await this.#blobs.begin(blob))
    }
    const missing = [...underway.missing]
    if (missing.length === 0) await this.#finish(underway)
    return missing
  }

  async #keep(chunks: AsyncIterable<Got>): Promise<void> {
    for await (const { blob, index, bytes } of chunks) {
      const { length } = bytes
      if (!(await this.#blobs.put(blob, index, bytes))) {
        throw new HolderWrong(`it served wrong bytes for chunk ${index} of ${blob.hash}`)
      }
      this.receivedBytes += length
      const underway = this.#underway.get(blob.hash)
      if (underway === undefined) continue
      underway.missing.delete(index)
      if (underway.missing.size === 0) await this.#finish(underway)
    }
  }

  async #finish({ blob, unlock }: Underway): Promise<void> {
    if (blob.sizeBytes === 0) await this.#blobs.begin(blob)
    await this.#blobs.finish(blob)
    this.#catalogue.becomes(blob.hash, 'whole')
    this.#underway.delete(blob.hash)
    unlock()
  }
}

function laterFirst(a: Blob, b: Blob): number {
  return a.hash < b.hash ? 1 : -1
}

function allOf(blob: Blob): number[] {
  return Array.from({ length: chunkCount(blob.sizeBytes) }, (_, index) => index)
}
