/**
 * Files of one attempt: those of other stages are put before it begins, and those that it hands on
 * are taken in when it has succeeded and nothing of it is alive. Whatever goes wrong with either is
 * how the attempt ends.
 */
import { isContentHash } from '../../protocol/artifacts/hashes.ts'
import type { ArtifactSource, Assignment } from '../../protocol/work/attempt.ts'
import { ArtifactError } from '../artifacts/errors.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import { ownFiles, type StepEnd, StepFailure, type StepFiles } from './steps/executor.ts'

export type AttemptArtifacts = Pick<ArtifactStore, 'collect' | 'fetch' | 'pin'>

export interface FileEvents {
  /** Aborted when the attempt is to stop: then nothing more is moved. */
  readonly signal: AbortSignal
  /** Its step is over, and what it hands on is taken in: it can give no more signs of life. */
  onHandOn(): void
  /** A line of the agent's own in the attempt's log. */
  onNote(text: string): void
}

/** Files of other stages, and what they come to. */
export interface BroughtIn {
  readonly files: number
  readonly bytes: number
}

export class AttemptFiles implements StepFiles {
  readonly isAny: boolean
  readonly #store: AttemptArtifacts
  readonly #assignment: Assignment
  readonly #events: FileEvents
  #isBringingIn = false
  #broughtIn: BroughtIn | undefined

  constructor(store: AttemptArtifacts, assignment: Assignment, events: FileEvents) {
    this.#store = store
    this.#assignment = assignment
    this.#events = events
    this.isAny = assignment.artifacts.length > 0 || assignment.artifactsFrom.length > 0
  }

  get isBringingIn(): boolean {
    return this.#isBringingIn
  }

  get broughtIn(): BroughtIn | undefined {
    return this.#broughtIn
  }

  async bringIn(directory: string): Promise<void> {
    this.#isBringingIn = true
    try {
      // Not at once: where two hand on the same path, the later one counts.
      for (const source of this.#assignment.artifactsFrom) await this.#fetch(source, directory)
    } finally {
      this.#isBringingIn = false
    }
  }

  async handOn(directory: string, end: StepEnd): Promise<StepEnd> {
    const { id, artifacts } = this.#assignment
    if (end.kind !== 'succeeded' || artifacts.length === 0) return end
    const patterns = directory === this.#assignment.directory ? artifacts : withoutOwn(artifacts)
    const { signal } = this.#events
    this.#events.onHandOn()
    try {
      const collected = await this.#store.collect({ run: id.run, directory, patterns, signal })
      this.#tell(collected)
      const { manifest, files, bytes } = collected
      return { ...end, artifacts: { manifest, files, bytes } }
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error
      const { errorClass, code } = error
      const message = `it succeeded, and its files could not be taken in: ${error.message}`
      return { kind: 'failed', errorClass, code, message }
    }
  }

  async #fetch({ stage, manifest, holders }: ArtifactSource, directory: string): Promise<void> {
    const { run } = this.#assignment.id
    const what = `files of ${stage} (${manifest})`
    if (!isContentHash(manifest)) {
      throw new StepFailure('bug', 'badManifest', `the ${what} have no name that can be asked for`)
    }
    const { signal } = this.#events
    try {
      const request = { manifest, holders, into: directory, signal }
      const { files, bytes, receivedBytes } = await this.#store.fetch(request)
      const before = this.#broughtIn ?? { files: 0, bytes: 0 }
      this.#broughtIn = { files: before.files + files, bytes: before.bytes + bytes }
      this.#events.onNote(
        `${files === 1 ? `1 file of ${stage} is` : `${files} files of ${stage} are`} here: ${bytes} bytes, ${receivedBytes} of them over the network`,
      )
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error
      const { errorClass, code } = error
      const isAway = code === 'lost' || code === 'unreachable'
      const again = isAway ? `: skein runs retry ${run} --from ${stage}` : ''
      throw new StepFailure(errorClass, code, `${what}: ${error.message}${again}`, error)
    }
  }

  #tell({ files, bytes, unmatched, leftOut, warnings }: CollectedNews): void {
    const { onNote } = this.#events
    onNote(`${files === 1 ? '1 file is' : `${files} files are`} handed on: ${bytes} bytes`)
    for (const pattern of unmatched) onNote(`the pattern of artifacts ${pattern} takes no file`)
    if (leftOut.length > 0) {
      onNote(`links, pipes and devices are not handed on: ${leftOut.join(', ')}`)
    }
    for (const { message } of warnings) onNote(`artifacts come near a limit: ${message}`)
  }
}

type CollectedNews = Awaited<ReturnType<AttemptArtifacts['collect']>>

/** What the agent keeps in the attempt's own directory is nobody's artifact. */
function withoutOwn(patterns: readonly string[]): string[] {
  return [...patterns, ...ownFiles.map((name) => `!${name}`)]
}
