/**
 * Secrets as files, for programs that read them from one: in memory, so that no disk and no backup
 * has them, and in a folder of the attempt's own that nobody else of the host enters. Names of folders
 * are as those of the workspace.
 */

/**
 * `program`: whoever stages run as. `container`: anybody who sees the folder, since those in a
 * container have users of their own; of the host nobody else comes to it even so.
 */
export type SecretReader = 'program' | 'container'

/** Every method rejects with `WorkspaceError`. */
export interface SecretFiles {
  /** Why this host gives none; undefined: it does. */
  readonly missing: string | undefined
  /**
   * Makes the folder, with these files by name and no others, to be read and not to be written.
   * Resolves with where they lie.
   */
  put(folder: string, files: ReadonlyMap<string, Uint8Array>, reader: SecretReader): Promise<string>
  /** Also what the stage has put there. Nothing is done where there is none. */
  remove(folder: string): Promise<void>
  /** Names of the folders there are, of earlier lives of the agent as well. */
  folders(): Promise<string[]>
}
