/**
 * Everything that an agent keeps: a directory of its own, with the store in `store/` and secrets
 * beside it. Whoever opens it holds it alone until it is closed or its process dies: the lock is
 * the store's, which the kernel takes back however the process ends, so that nothing stale is left
 * to be judged.
 */
import { join, resolve } from 'node:path'
import { directoryError, directoryLocked } from './data-directory-errors.ts'
import { LevelDisk } from './disk.ts'
import { DiskLocked } from './disk-errors.ts'
import { makeDirectory } from './make-directory.ts'
import { leaveNote, ownerOf } from './owner.ts'
import { Secrets } from './secrets.ts'

export class DataDirectory {
  readonly path: string
  readonly secrets: Secrets
  readonly disk: LevelDisk

  private constructor(path: string, disk: LevelDisk) {
    this.path = path
    this.secrets = new Secrets(path)
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

  /** Closes the store, and with it gives up the lock. */
  close(): Promise<void> {
    return this.disk.close()
  }
}
