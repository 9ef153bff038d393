/** From the files that a stage has left to a manifest, with every content kept here. */

import { Globs } from '../../protocol/artifacts/glob.ts'
import { blobOf, type ContentHash } from '../../protocol/artifacts/hashes.ts'
import { artifactLimits as limits } from '../../protocol/artifacts/limits.ts'
import {
  type ArtifactFile,
  type ArtifactManifest,
  faultOfManifest,
  manifestOf,
} from '../../protocol/artifacts/manifest.ts'
import { faultOfPath } from '../../protocol/artifacts/paths.ts'
import type { Blobs, FoundFile } from '../../protocol/ports/blobs.ts'
import type { Catalogue } from './catalogue.ts'
import { ArtifactError, refuseAborted } from './errors.ts'
import { collectLimits } from './limits.ts'
import { forAll, type Locks } from './locks.ts'
import type { Reservation, Room } from './room.ts'

export interface CollectRequest {
  /** Pins what is collected, until `unpin`. */
  run: string
  /** Absolute. The stage's programs are gone. */
  directory: string
  patterns: readonly string[]
  /** Aborted, nothing more is taken in after the files that are being copied. */
  signal?: AbortSignal
}

/** Near a limit: what, how much of it is used, and how much there is. */
export interface ArtifactWarning {
  limit: 'filesPerStage' | 'bytesPerStage' | 'fileBytes' | 'quota'
  used: number
  max: number
  /** For people. */
  message: string
}

export interface Gathered {
  manifest: ArtifactManifest
  /** Patterns that took nothing. */
  unmatched: string[]
  /** Names that match and are links, pipes or devices: the first ones. */
  leftOut: string[]
  warnings: ArtifactWarning[]
}

export class Collecting {
  readonly #blobs: Blobs
  readonly #catalogue: Catalogue
  readonly #locks: Locks
  readonly #room: Room

  constructor(blobs: Blobs, catalogue: Catalogue, locks: Locks, room: Room) {
    this.#blobs = blobs
    this.#catalogue = catalogue
    this.#locks = locks
    this.#room = room
  }

  /** Every content of the manifest is held once, in `held`, for the caller to release. */
  async gather(request: CollectRequest, held: ContentHash[]): Promise<Gathered> {
    const { directory, patterns } = request
    refuseBadPatterns(patterns)
    const found = await this.#blobs.walk(directory, patterns, {
      filesMax: limits.filesPerStageMax,
      entriesMax: collectLimits.entriesMax,
      depthMax: collectLimits.depthMax,
    })
    const warnings = judge(found.files)
    const totalBytes = found.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const room = await this.#room.reserve(totalBytes, found.files.length)
    const files: ArtifactFile[] = []
    try {
      await forAll(found.files, collectLimits.filesAtOnce, async (file) => {
        if (request.signal !== undefined) refuseAborted(request.signal)
        files.push(await this.#take(directory, file, room, held))
      })
      await this.#blobs.sync()
    } finally {
      room.end()
    }
    const manifest = manifestOf(files)
    const fault = faultOfManifest(manifest)
    if (fault !== undefined) throw new ArtifactError('badPath', `${directory}: ${fault}`)
    const matched = new Set(found.files.map(({ pattern }) => pattern))
    return {
      manifest,
      unmatched: patterns.filter((pattern, i) => !matched.has(i) && !pattern.startsWith('!')),
      leftOut: found.leftOut.slice(0, collectLimits.namesToldMax),
      warnings,
    }
  }

  async #take(
    directory: string,
    { path, sizeBytes }: FoundFile,
    room: Reservation,
    held: ContentHash[],
  ): Promise<ArtifactFile> {
    const draft = await this.#blobs.take(directory, path, sizeBytes)
    const blob = blobOf(draft.sizeBytes, draft.chunks)
    try {
      await this.#locks.with(blob.hash, async () => {
        this.#catalogue.hold(blob)
        held.push(blob.hash)
        room.spend(sizeBytes)
        await this.#blobs.keep(draft, blob)
        this.#catalogue.becomes(blob.hash, 'whole')
      })
    } catch (error) {
      await this.#blobs.drop(draft)
      throw error
    }
    const { executable, chunks } = draft
    return { path, sizeBytes: draft.sizeBytes, executable, chunks }
  }
}

function refuseBadPatterns(patterns: readonly string[]): void {
  if (patterns.length > limits.patternsMax) {
    const why = `there are ${patterns.length} patterns of artifacts; ${limits.patternsMax} fit`
    throw new ArtifactError('badPattern', why)
  }
  const globs = Globs.compile(patterns)
  if (globs instanceof Globs) return
  throw new ArtifactError('badPattern', `the pattern of artifacts ${globs.pattern}: ${globs.why}`)
}

/** Refuses what is too much, before anything is copied; warns of what soon will be. */
function judge(files: readonly FoundFile[]): ArtifactWarning[] {
  let [totalBytes, largest] = [0, files[0]]
  for (const file of files) {
    const fault = faultOfPath(file.path)
    if (fault !== undefined) {
      const why = `${JSON.stringify(file.path)} cannot be handed on: ${fault}; rename it or leave it out`
      throw new ArtifactError('badPath', why)
    }
    totalBytes += file.sizeBytes
    if (file.sizeBytes > (largest?.sizeBytes ?? 0)) largest = file
  }
  const largestBytes = largest?.sizeBytes ?? 0
  if (largestBytes > limits.fileBytesMax) {
    const why = `${largest?.path} has ${largestBytes} bytes; a file handed on has at most ${limits.fileBytesMax}`
    throw new ArtifactError('tooLarge', `${why}; split it`)
  }
  if (totalBytes > limits.bytesPerStageMax) {
    const why = `the artifacts have ${totalBytes} bytes; a stage hands on at most ${limits.bytesPerStageMax}`
    throw new ArtifactError('tooLarge', `${why}; hand on less, or from several stages`)
  }
  return [
    warning('filesPerStage', files.length, limits.filesPerStageMax, 'files of one stage'),
    warning('bytesPerStage', totalBytes, limits.bytesPerStageMax, 'bytes of one stage'),
    warning('fileBytes', largestBytes, limits.fileBytesMax, `bytes of one file, ${largest?.path}`),
  ].filter((one) => one !== undefined)
}

export function warning(
  limit: ArtifactWarning['limit'],
  used: number,
  max: number,
  what: string,
  share: number = limits.warnShare,
): ArtifactWarning | undefined {
  if (used < share * max) return undefined
  const percent = Math.floor((100 * used) / max)
  return { limit, used, max, message: `${used} of at most ${max} ${what} (${percent}%)` }
}
