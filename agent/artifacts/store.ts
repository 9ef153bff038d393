/**
 * Artifacts of one agent: takes in what stages leave, brings in what others hold, puts it where a
 * stage needs it, serves it to others, and lets go of what no run needs when room is short. The
 * face of this folder; the parts are one file each.
 */
import { blobOf, type ContentHash, chunkCount } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits } from '../../protocol/artifacts/limits.ts'
import {
  type ArtifactFile,
  type ArtifactManifest,
  blobsOf,
  bytesOf,
  encodeManifest,
} from '../../protocol/artifacts/manifest.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { Catalogue, type KnownManifest } from './catalogue.ts'
import { type ArtifactWarning, Collecting, type CollectRequest, warning } from './collecting.ts'
import { ArtifactError, artifactErrorOf, refuseAborted } from './errors.ts'
import { type ArtifactVerdict, Fetching, type FetchingPorts, type Manifest } from './fetching.ts'
import { fetchLimits, type StoreLimits } from './limits.ts'
import { forAll, Locks } from './locks.ts'
import { Reading } from './reading.ts'
import { remember } from './remembering.ts'
import { Room } from './room.ts'
import { ArtifactRows } from './rows.ts'
import { Serving } from './serving.ts'
import { Transfer } from './transfer.ts'

export interface ArtifactPorts extends FetchingPorts {
  disk: Disk
}

export interface ArtifactOptions {
  hello: Hello
  limits: StoreLimits
  /** A limit is near. Of the quota, once until it is far again. */
  onWarning: (warning: ArtifactWarning) => void
  onVerdict: (verdict: ArtifactVerdict) => void
}

export interface Collected {
  manifest: ContentHash
  files: number
  bytes: number
  unmatched: string[]
  leftOut: string[]
  warnings: ArtifactWarning[]
}

export interface FetchRequest {
  manifest: ContentHash
  /** Who is said to have it; this agent may be among them. */
  holders: readonly PeerId[]
  /** Where its files are to go: absolute. Absent to have them here, and nowhere in particular. */
  into?: string
  signal: AbortSignal
}

export interface Fetched {
  files: number
  bytes: number
  /** Over the network; 0 when all was here. */
  receivedBytes: number
  from: PeerId[]
}

export interface ArtifactUsage {
  quotaBytes: number
  usedBytes: number
  /** Of it, pinned by runs or in use. */
  heldBytes: number
  contents: number
  manifests: number
  /** Removed to make room, since the start. */
  removed: number
  servedBytes: number
}

export class ArtifactStore {
  readonly #ports: ArtifactPorts
  readonly #options: ArtifactOptions
  /** One for all parts: the quota may change. */
  readonly #limits: { -readonly [L in keyof StoreLimits]: StoreLimits[L] }
  readonly #rows: ArtifactRows
  readonly #catalogue = new Catalogue()
  readonly #locks = new Locks()
  readonly #room: Room
  readonly #collecting: Collecting
  readonly #fetching: Fetching
  readonly #reading: Reading
  readonly #serving: Serving
  /** What an earlier life has left is in the catalogue. */
  #known = false
  #warned = false

  constructor(ports: ArtifactPorts, options: ArtifactOptions) {
    const { blobs, clock, network } = ports
    this.#ports = ports
    this.#options = options
    this.#limits = { ...options.limits }
    this.#rows = new ArtifactRows(ports.disk)
    this.#room = new Room(blobs, this.#rows, this.#catalogue, this.#locks, this.#limits)
    this.#collecting = new Collecting(blobs, this.#catalogue, this.#locks, this.#room)
    this.#fetching = new Fetching(ports, options.hello, options.onVerdict)
    this.#reading = new Reading(blobs, this.#rows, this.#catalogue, this.#locks)
    this.#serving = new Serving(clock, network, options.hello, this.#reading)
  }

  /** Finds what an earlier life has left, and begins to serve. */
  async start(): Promise<void> {
    if (!this.#known) {
      this.#catalogue.clear()
      this.#reading.uses = await remember(this.#catalogue, this.#rows, this.#ports.blobs)
      this.#known = true
    }
    this.#serving.start()
  }

  stop(): void {
    this.#serving.stop()
  }

  /** What does not fit any more makes way when something is brought in, and not before. */
  retune(quotaBytes: number): void {
    this.#limits.quotaBytes = quotaBytes
  }

  /** What other hosts did wrong, since the start. */
  refusals(): Readonly<Record<string, number>> {
    return {
      artifactsServedWrong: this.#fetching.wrong,
      artifactsAskedWrong: this.#serving.garbled,
    }
  }

  /** Rejects with `ArtifactError`. */
  async collect(request: CollectRequest): Promise<Collected> {
    const held: ContentHash[] = []
    try {
      const gathered = await this.#collecting.gather(request, held)
      const encoded = encodeManifest(gathered.manifest)
      if (encoded.length > artifactLimits.manifestBytesMax) {
        const why = `the list of ${gathered.manifest.files.length} files takes ${encoded.length} bytes`
        const most = `at most ${artifactLimits.manifestBytesMax} are handed on`
        throw new ArtifactError('tooManyFiles', `${why}; ${most}; pack them into fewer files`)
      }
      const hash = await this.#ports.blobs.digest(encoded)
      const { manifest, unmatched, leftOut, warnings } = gathered
      await this.#rows.keep(hash, encoded, request.run)
      const known = this.#catalogue.add(hash, blobsOf(manifest))
      this.#catalogue.pin(known, request.run)
      await this.#reading.used(known)
      for (const one of warnings) this.#options.onWarning(one)
      this.#warnOfQuota()
      const [files, bytes] = [manifest.files.length, bytesOf(manifest)]
      return { manifest: hash, files, bytes, unmatched, leftOut, warnings }
    } catch (error) {
      throw artifactErrorOf(error)
    } finally {
      for (const hash of held) this.#catalogue.release(hash)
    }
  }

  /** Rejects with `ArtifactError`. A file that is there already is replaced. */
  async fetch(request: FetchRequest): Promise<Fetched> {
    const { manifest: hash, holders, into, signal } = request
    try {
      const found =
        (await this.#reading.found(hash)) ?? (await this.#fetching.manifest(hash, holders, signal))
      const fetched: Fetched = {
        files: found.manifest.files.length,
        bytes: bytesOf(found.manifest),
        receivedBytes: 0,
        from: [],
      }
      // What proves damaged while it is put in place is brought in once more.
      for (let round = 1; ; round++) {
        const known = await this.#bringIn(found, holders, signal, fetched)
        try {
          if (into === undefined || (await this.#placeAll(found, into, signal))) return fetched
        } finally {
          this.#catalogue.releaseManifest(known)
        }
        if (round === fetchLimits.roundsMax) {
          throw new ArtifactError('diskFailed', `the disk damages what is kept of ${hash} at once`)
        }
      }
    } catch (error) {
      throw artifactErrorOf(error)
    }
  }

  /** All of it is here, as far as is known. */
  has(hash: ContentHash): boolean {
    const known = this.#catalogue.manifest(hash)
    return known !== undefined && this.#catalogue.complete(known)
  }

  /** The list of files of this name, if it lies here. Rejects with `ArtifactError`. */
  async manifest(hash: ContentHash): Promise<ArtifactManifest | undefined> {
    try {
      return (await this.#reading.found(hash))?.manifest
    } catch (error) {
      throw artifactErrorOf(error)
    }
  }

  /** A chunk of a content that lies here whole. Rejects with `ArtifactError`. */
  async chunk(hash: ContentHash, index: number): Promise<Uint8Array | undefined> {
    try {
      const blob = this.#reading.blob(hash)
      if (blob === undefined || index >= chunkCount(blob.sizeBytes)) return undefined
      const chunk = await this.#reading.chunk(blob, index)
      return typeof chunk === 'string' ? undefined : chunk
    } catch (error) {
      throw artifactErrorOf(error)
    }
  }

  /** How much of these is here, each counted for itself: what a stage here would not have to fetch. */
  bytesHeld(hashes: Iterable<ContentHash>): number {
    let bytes = 0
    for (const hash of hashes) {
      const known = this.#catalogue.manifest(hash)
      if (known !== undefined) bytes += this.#catalogue.wholeBytes(known)
    }
    return bytes
  }

  /** Keeps it here until the run lets go. False when it is not here. */
  async pin(run: string, hash: ContentHash): Promise<boolean> {
    const known = this.#catalogue.manifest(hash)
    if (known === undefined) return false
    if (this.#catalogue.pin(known, run)) await this.#rows.pin(hash, run)
    return true
  }

  /** The run is archived, or gone: what only it needs may be removed when room is short. */
  async unpin(run: string): Promise<void> {
    const hashes = this.#catalogue.unpin(run)
    if (hashes.length > 0) await this.#rows.unpin(hashes, run)
    this.#warnOfQuota()
  }

  /** For whoever knows which of them are archived. */
  pinnedRuns(): string[] {
    return this.#catalogue.runs
  }

  usage(): ArtifactUsage {
    const { usedBytes, heldBytes, contents, manifests } = this.#catalogue
    return {
      quotaBytes: this.#limits.quotaBytes,
      usedBytes,
      heldBytes,
      contents,
      manifests,
      removed: this.#room.removed,
      servedBytes: this.#serving.sentBytes,
    }
  }

  // ── Bringing in ───────────────────────────────────────────────────────────────────────────────

  /** All that it leads to is whole here and held, until the caller releases the manifest. */
  async #bringIn(
    found: Manifest,
    holders: readonly PeerId[],
    signal: AbortSignal,
    fetched: Fetched,
  ): Promise<KnownManifest> {
    refuseAborted(signal)
    const transfer = new Transfer(this.#ports.blobs, this.#catalogue, this.#locks, found.blobs)
    try {
      await transfer.reserve(this.#room)
      const here = found.blobs.every(({ hash }) => this.#catalogue.whole(hash) !== undefined)
      if (here) await transfer.lookHere()
      const from = await this.#fetching.contents(transfer, holders, signal)
      for (const peer of from) if (!fetched.from.includes(peer)) fetched.from.push(peer)
      await this.#rows.keep(found.hash, found.encoded, undefined)
      const known = this.#catalogue.add(found.hash, found.blobs)
      this.#catalogue.holdManifest(known)
      await this.#reading.used(known)
      return known
    } finally {
      fetched.receivedBytes += transfer.receivedBytes
      transfer.release()
    }
  }

  /** False when something proved damaged, or gone. */
  async #placeAll({ manifest }: Manifest, into: string, signal: AbortSignal): Promise<boolean> {
    let whole = true
    await forAll(manifest.files, fetchLimits.filesAtOnce, async (file: ArtifactFile) => {
      refuseAborted(signal)
      const blob = blobOf(file.sizeBytes, file.chunks)
      const placed = await this.#ports.blobs.place(blob, into, file.path, file.executable)
      if (placed === 'placed') return
      whole = false
      await this.#reading.damaged(blob.hash)
    })
    return whole
  }

  #warnOfQuota(): void {
    const { quotaBytes, warnShare } = this.#limits
    const what = 'bytes for artifacts here are needed by runs that are not archived'
    const near = warning('quota', this.#catalogue.heldBytes, quotaBytes, what, warnShare)
    if (near !== undefined && !this.#warned) this.#options.onWarning(near)
    this.#warned = near !== undefined
  }
}
