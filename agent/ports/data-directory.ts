/**
 * Everything that an agent keeps: a directory of its own, with the store in `store/` and secrets
 * beside it. Whoever opens it holds it alone until it is closed or its process dies: the lock is
 * the store's, which the kernel takes back however the process ends, so that nothing stale is left
 * to be judged.
 */
import { open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { assert } from '../../protocol/assert.ts'
import { directoryError, directoryLocked, keyExposed } from './data-directory-errors.ts'
import { LevelDisk } from './disk.ts'
import { DiskLocked } from './disk-errors.ts'
import { errnoOf } from './errno.ts'
import { secretBytesMax } from './limits.ts'
import { makeDirectory } from './make-directory.ts'
import { leaveNote, ownerOf } from './owner.ts'
import { replaceFile } from './replace-file.ts'

/** The seed of the agent's key: whose directory it is. */
export const identityFile = 'identity.key'

const othersMayRead = 0o007

export class DataDirectory {
  readonly path: string
  readonly disk: LevelDisk

  private constructor(path: string, disk: LevelDisk) {
    this.path = path
    this.disk = disk
  }

  /** Creates the directory, for its owner's eyes only, if need be. Rejects with `DataDirectoryError`. */
  static async open(directory: string): Promise<DataDirectory> {
    const path = resolve(directory)
    try {
      await makeDirectory(path)
      const store = join(path, 'store')
      await makeDirectory(store)
      const disk = await LevelDisk.open(store)
      try {
        await leaveNote(path)
      } catch (error) {
        await disk.close()
        throw error
      }
      return new DataDirectory(path, disk)
    } catch (error) {
      if (error instanceof DiskLocked) throw directoryLocked(path, await ownerOf(path))
      throw directoryError(error, path)
    }
  }

  /** Undefined when there is none. Refuses a secret that is no secret on this host. */
  async readSecret(name: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(name)
    try {
      const file = await open(path, 'r')
      try {
        const { mode, size } = await file.stat()
        if ((mode & othersMayRead) !== 0) throw keyExposed(path)
        assert(size <= secretBytesMax, 'a secret is small', { path, size })
        return new Uint8Array(await file.readFile())
      } finally {
        await file.close()
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw directoryError(error, path)
    }
  }

  /** Returns when it is on disk. A crash leaves the old one or the new one. */
  async writeSecret(name: string, secret: Uint8Array): Promise<void> {
    assert(secret.length <= secretBytesMax, 'a secret is small', { name, size: secret.length })
    try {
      await replaceFile(this.path, name, secret, 0o600)
    } catch (error) {
      throw directoryError(error, this.#pathOf(name))
    }
  }

  /** Closes the store, and with it gives up the lock. */
  close(): Promise<void> {
    return this.disk.close()
  }

  #pathOf(name: string): string {
    assert(/^[a-z0-9][a-z0-9.-]*$/.test(name), 'a secret has a plain name', { name })
    return join(this.path, name)
  }
}
