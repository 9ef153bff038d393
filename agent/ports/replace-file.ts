/** Replaces a small file so that a crash leaves the old one or the new one, whole and on disk. */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A crash leaves the draft. Where the directory is not the caller's alone, the draft needs a name of
 * its own.
 */
export async function replaceFile(
  directory: string,
  name: string,
  content: Uint8Array,
  mode: number,
  draftName = `.${name}.draft`,
): Promise<void> {
  const draft = join(directory, draftName)
  const file = await open(draft, 'w', mode)
  try {
    // The mode given to `open` does not change a draft that a crash left behind.
    await file.chmod(mode)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, join(directory, name))
  await syncDirectory(directory)
}

/** Until its directory is synced, a new name may be gone after a power failure. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
