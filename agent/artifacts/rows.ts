/**
 * What is remembered of artifacts on the agent's disk: manifests, which runs pin them, and in what
 * order they were used. Contents themselves are behind the `Blobs` port.
 */
import type { ContentHash } from '../../protocol/artifacts/hashes.ts'
import { isContentHash } from '../../protocol/artifacts/hashes.ts'
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'

const manifestPrefix = 'artifacts/manifest/'
const pinPrefix = 'artifacts/pin/'
const usePrefix = 'artifacts/use/'
const nothing = new Uint8Array(0)

const durable = { durable: true }

export class ArtifactRows {
  readonly #disk: Disk

  constructor(disk: Disk) {
    this.#disk = disk
  }

  manifest(hash: ContentHash): Promise<Uint8Array | undefined> {
    return this.#disk.get(manifestPrefix + hash)
  }

  async *manifests(): AsyncIterable<{ hash: ContentHash; bytes: Uint8Array }> {
    for await (const [key, bytes] of this.#disk.scan(within(manifestPrefix))) {
      const hash = key.slice(manifestPrefix.length)
      if (isContentHash(hash)) yield { hash, bytes }
    }
  }

  /** Under which number each manifest was used last. */
  async uses(): Promise<Map<ContentHash, number>> {
    const uses = new Map<ContentHash, number>()
    for await (const [key, value] of this.#disk.scan(within(usePrefix))) {
      const hash = key.slice(usePrefix.length) as ContentHash
      uses.set(hash, Number(new TextDecoder().decode(value)))
    }
    return uses
  }

  async pins(): Promise<{ manifest: ContentHash; run: string }[]> {
    const pins: { manifest: ContentHash; run: string }[] = []
    for await (const [key] of this.#disk.scan(within(pinPrefix))) {
      const rest = key.slice(pinPrefix.length)
      const slash = rest.indexOf('/')
      const manifest = rest.slice(0, slash) as ContentHash
      pins.push({ manifest, run: rest.slice(slash + 1) })
    }
    return pins
  }

  /** A manifest that somebody relies on is on disk when this returns. */
  keep(hash: ContentHash, manifest: Uint8Array, run: string | undefined): Promise<void> {
    const batch: DiskOp[] = [{ put: manifestPrefix + hash, value: manifest }]
    if (run !== undefined) batch.push({ put: `${pinPrefix}${hash}/${run}`, value: nothing })
    return this.#disk.write(batch, { durable: run !== undefined })
  }

  forget(hash: ContentHash, runs: Iterable<string>): Promise<void> {
    const batch: DiskOp[] = [{ del: manifestPrefix + hash }, { del: usePrefix + hash }]
    for (const run of runs) batch.push({ del: `${pinPrefix}${hash}/${run}` })
    return this.#disk.write(batch, durable)
  }

  pin(hash: ContentHash, run: string): Promise<void> {
    return this.#disk.write([{ put: `${pinPrefix}${hash}/${run}`, value: nothing }], durable)
  }

  unpin(hashes: readonly ContentHash[], run: string): Promise<void> {
    const batch = hashes.map((hash) => ({ del: `${pinPrefix}${hash}/${run}` }))
    return this.#disk.write(batch, { durable: false })
  }

  /** Lost in a crash, it costs a little justice among what may be removed. */
  used(hash: ContentHash, number: number): Promise<void> {
    const value = new TextEncoder().encode(String(number))
    return this.#disk.write([{ put: usePrefix + hash, value }], { durable: false })
  }
}
