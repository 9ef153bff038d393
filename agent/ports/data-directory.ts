/**
 * Everything that an agent keeps: a directory of its own, with the store in `store/` and secrets
 * beside it. Whoever opens it holds it alone until it is closed or its process dies: the lock is
 * the store's, which the kernel takes back however the process ends, so that nothing stale is left
 * to be judged.
 */
import { join, resolve } from 'node:path'
import type { Disk } from '../../protocol/ports/disk.ts'
import { directoryError, directoryLocked } from './data-directory-errors.ts'
import { LevelDisk } from './disk.ts'
import { DiskLocked } from './disk-errors.ts'
import { makeDirectory } from './make-directory.ts'
import { leaveNote, ownerOf } from './owner.ts'
import { readStoreKey } from './sealing/key-file.ts'
import { openedWith, rekeyed } from './sealing/opening.ts'
import { Secrets } from './secrets.ts'

export class DataDirectory {
  readonly path: string
  readonly secrets: Secrets
  readonly disk: Disk

  private constructor(path: string, disk: Disk) {
    this.path = path
    this.secrets = new Secrets(path)
    this.disk = disk
  }

  /**
   * Creates the directory, for its owner's eyes only, if need be. With a key (a file of one; '' is
   * none) its store is sealed, if it is not yet. Rejects with a `Problem`.
   */
  static async open(directory: string, storeKeyFile = ''): Promise<DataDirectory> {
    const key = storeKeyFile === '' ? undefined : await readStoreKey(storeKeyFile)
    return opened(directory, async (path, disk) => {
      const used = await openedWith(disk, key)
      await leaveNote(path)
      return new DataDirectory(path, used)
    })
  }

  /** Seals the store anew: from one file's key to the other's. Returns how many values. */
  static async rekey(directory: string, fromFile: string, toFile: string): Promise<number> {
    const [from, to] = [await readStoreKey(fromFile), await readStoreKey(toFile)]
    return opened(directory, async (_, disk) => {
      const values = await rekeyed(disk, from, to)
      await disk.close()
      return values
    })
  }

  /** Closes the store, and with it gives up the lock. */
  close(): Promise<void> {
    return this.disk.close()
  }
}

/** Locked, and closed again when `use` fails. */
async function opened<T>(
  directory: string,
  use: (path: string, disk: LevelDisk) => Promise<T>,
): Promise<T> {
  const path = resolve(directory)
  try {
    await makeDirectory(path)
    const store = join(path, 'store')
    await makeDirectory(store)
    const disk = await LevelDisk.open(store)
    try {
      return await use(path, disk)
    } catch (error) {
      await disk.close()
      throw error
    }
  } catch (error) {
    if (error instanceof DiskLocked) throw directoryLocked(path, await ownerOf(path))
    throw directoryError(error, path)
  }
}
