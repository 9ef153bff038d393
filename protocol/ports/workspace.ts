/**
 * Files of attempts: a directory for each, to work in, and what the agent keeps of it. Names are
 * letters, digits, `-`, `_` and `.`, and never begin with a dot; the port refuses others as a bug.
 */

export type WorkspaceErrorCode = 'full' | 'notFound' | 'denied' | 'failed'

export class WorkspaceError extends Error {
  readonly code: WorkspaceErrorCode
  constructor(code: WorkspaceErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'WorkspaceError'
    this.code = code
  }
}

export interface WorkspaceFile {
  /** All of it, or how large it is when that is more than `bytesMax`; undefined when there is none. */
  read(bytesMax: number): Promise<Uint8Array | { tooLarge: number } | undefined>
  /** Adds at the end; creates the file and its directory. */
  append(bytes: Uint8Array): Promise<void>
  write(bytes: Uint8Array): Promise<void>
  /** Takes the place of a file beside it. */
  renameTo(name: string): Promise<void>
  remove(): Promise<void>
}

/** Every method rejects with `WorkspaceError`. */
export interface Workspace {
  /** The path of this directory, for programs. It need not exist. */
  path(directory: string): string
  /** Makes the directory, empty: what was there before is gone. */
  prepare(directory: string): Promise<void>
  /** Removes the directory and all that is in it, whatever the stage has done there. */
  discard(directory: string): Promise<void>
  /**
   * Removes the directory if it is empty, or lets it rest, to be used for another: either way it is
   * gone. False when it is not empty, or is not there.
   */
  discardEmpty(directory: string): Promise<boolean>
  /** Directories that rest: somebody of those who had them may still be there. */
  readonly resting: ReadonlySet<string>
  /** Nobody is in these any more, of those who had them. */
  reuse(directories: Iterable<string>): void
  /**
   * Bytes that the directory takes on the disk with all that is in it. Counting ends beyond
   * `bytesMax`, and after so many files that nothing else is held up by it: it may be more.
   */
  size(directory: string, bytesMax: number): Promise<number>
  /** Bytes that are left where the directories lie, as of a moment ago. */
  freeBytes(): number
  /** Names of the directories there are. */
  directories(): Promise<string[]>
  file(directory: string, name: string): WorkspaceFile
}
