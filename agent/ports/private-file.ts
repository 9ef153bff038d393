/** A small file that is its owner's alone: one that every user of the host could read is refused. */
import { open } from 'node:fs/promises'
import { keyExposed } from './data-directory-errors.ts'

const othersMayRead = 0o007

/** Undefined for one that is larger. Rejects as the file system does, or with `DataDirectoryError`. */
export async function readPrivateFile(
  path: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const file = await open(path, 'r')
  try {
    const { mode, size } = await file.stat()
    if ((mode & othersMayRead) !== 0) throw keyExposed(path)
    return size > bytesMax ? undefined : new Uint8Array(await file.readFile())
  } finally {
    await file.close()
  }
}
