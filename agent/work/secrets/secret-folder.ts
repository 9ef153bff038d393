/**
 * The folder with those secrets of one attempt that it wants as files: filled when its step begins,
 * and gone when the attempt has ended, in whatever life of the agent.
 */
import type { SecretFiles, SecretReader } from '../../../protocol/ports/secret-files.ts'
import { WorkspaceError } from '../../../protocol/ports/workspace.ts'
import { StepFailure, type StepSecretFiles } from '../steps/executor.ts'

export class SecretFolder implements StepSecretFiles {
  /** By variable. */
  values: ReadonlyMap<string, Uint8Array> = new Map()
  readonly #files: SecretFiles
  readonly #name: string
  readonly #variables: readonly string[]

  /** `variables`: those that are to hold the path of a file, which has the variable's name. */
  constructor(files: SecretFiles, name: string, variables: readonly string[]) {
    this.#files = files
    this.#name = name
    this.#variables = variables
  }

  get isAny(): boolean {
    return this.#variables.length > 0
  }

  async put(reader: SecretReader): Promise<string | undefined> {
    if (!this.isAny) return undefined
    try {
      return await this.#files.put(this.#name, this.values, reader)
    } catch (error) {
      if (!(error instanceof WorkspaceError)) throw error
      const errorClass = error.code === 'full' ? 'resource' : 'transient'
      const message = `its secrets cannot be put into files: ${error.message}`
      throw new StepFailure(errorClass, 'secrets', message, error)
    }
  }

  variablesIn(folder: string | undefined): Record<string, string> {
    if (folder === undefined) return {}
    return Object.fromEntries(this.#variables.map((name) => [name, `${folder}/${name}`]))
  }

  /** Nothing of the attempt is alive. Undefined where there never was one. */
  remove(): Promise<void> | undefined {
    return this.isAny ? this.#files.remove(this.#name) : undefined
  }
}
