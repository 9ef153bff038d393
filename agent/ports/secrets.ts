/**
 * Small files that are their owner's alone, beside the store of a data directory: the agent's key,
 * and what says whose key it is. They can be looked at without the lock of the store.
 */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { assert } from '../../protocol/assert.ts'
import { directoryError } from './data-directory-errors.ts'
import { errnoOf } from './errno.ts'
import { secretBytesMax } from './limits.ts'
import { makeDirectory } from './make-directory.ts'
import { readPrivateFile } from './private-file.ts'
import { replaceFile } from './replace-file.ts'

/** The seed of the agent's key: whose directory it is. */
export const identityFile = 'identity.key'
/** What the agent shows to be taken for one of the mesh. */
export const credentialFile = 'credential'
/** The key that certificates are made with, on hosts that may. */
export const issuerFile = 'issuer.key'
/** The swarm keys that the agent takes, once the mesh has gone over to another than the first. */
export const swarmKeyFile = 'swarm-key.kept'

export class Secrets {
  readonly path: string

  constructor(directory: string) {
    this.path = resolve(directory)
  }

  /** The directory, for its owner's eyes only, if it is not there. */
  async prepare(): Promise<void> {
    try {
      await makeDirectory(this.path)
    } catch (error) {
      throw directoryError(error, this.path)
    }
  }

  /** Undefined when there is none. Refuses a secret that is no secret on this host. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(name)
    try {
      const secret = await readPrivateFile(path, secretBytesMax)
      assert(secret !== undefined, 'a secret is small', { path })
      return secret
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw directoryError(error, path)
    }
  }

  /** Returns when it is on disk. A crash leaves the old one or the new one. */
  async write(name: string, secret: Uint8Array): Promise<void> {
    assert(secret.length <= secretBytesMax, 'a secret is small', { name, size: secret.length })
    try {
      await replaceFile(this.path, name, secret, 0o600)
    } catch (error) {
      throw directoryError(error, this.#pathOf(name))
    }
  }

  /** Also where there is none. */
  async remove(name: string): Promise<void> {
    const path = this.#pathOf(name)
    try {
      await rm(path, { force: true })
    } catch (error) {
      throw directoryError(error, path)
    }
  }

  #pathOf(name: string): string {
    assert(/^[a-z0-9][a-z0-9.-]*$/.test(name), 'a secret has a plain name', { name })
    return join(this.path, name)
  }
}
