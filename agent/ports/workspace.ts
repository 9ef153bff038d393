/** Directories and files of attempts, below one directory that is the agent's own. */
import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../protocol/assert.ts'
import {
  type Workspace,
  WorkspaceError,
  type WorkspaceErrorCode,
  type WorkspaceFile,
} from '../../protocol/ports/workspace.ts'
import { errnoOf } from './errno.ts'

export class SystemWorkspace implements Workspace {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  path(directory: string): string {
    return join(this.#root, lawful(directory))
  }

  prepare(directory: string): Promise<void> {
    const path = this.path(directory)
    return told(path, async () => {
      try {
        await mkdir(path, { mode: 0o700 })
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') await removeTree(path)
        await mkdir(path, { recursive: true, mode: 0o700 })
      }
    })
  }

  discard(directory: string): Promise<void> {
    const path = this.path(directory)
    return told(path, () => removeTree(path))
  }

  discardEmpty(directory: string): Promise<boolean> {
    const path = this.path(directory)
    return told(path, async () => {
      try {
        await rmdir(path)
        return true
      } catch (error) {
        if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errnoOf(error))) return false
        throw error
      }
    })
  }

  directories(): Promise<string[]> {
    return told(this.#root, async () => {
      const names = await readdir(this.#root).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return []
        throw error
      })
      return names.filter(isLawful).sort()
    })
  }

  file(directory: string, name: string): WorkspaceFile {
    return new SystemFile(this.path(directory), lawful(name))
  }
}

class SystemFile implements WorkspaceFile {
  readonly #directory: string
  readonly #path: string

  constructor(directory: string, name: string) {
    this.#directory = directory
    this.#path = join(directory, name)
  }

  read(bytesMax: number): Promise<Uint8Array | { tooLarge: number } | undefined> {
    return this.#inside(async () => {
      try {
        return await readFile(this.#path, bytesMax)
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      }
    })
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#changed(() => put(this.#path, bytes, constants.O_APPEND))
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#changed(() => put(this.#path, bytes, constants.O_TRUNC))
  }

  renameTo(name: string): Promise<void> {
    return this.#inside(() => rename(this.#path, join(this.#directory, lawful(name))))
  }

  remove(): Promise<void> {
    return this.#inside(() => rm(this.#path, { force: true }))
  }

  #changed(change: () => Promise<void>): Promise<void> {
    return this.#inside(async () => {
      try {
        await change()
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
        await mkdir(this.#directory, { recursive: true, mode: 0o700 })
        await change()
      }
    })
  }

  /** A stage may have put a link in the place of its directory: what is behind it is not ours. */
  #inside<T>(work: () => Promise<T>): Promise<T> {
    return told(this.#path, async () => {
      const stat = await lstat(this.#directory).catch(() => undefined)
      if (stat?.isSymbolicLink()) {
        throw Object.assign(new Error('its directory is a link'), { code: 'ELOOP' })
      }
      return work()
    })
  }
}

/** Into a file, and not through whatever else a stage has put in its place. */
async function put(path: string, bytes: Uint8Array, how: number): Promise<void> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | how, 0o600)
  try {
    await file.writeFile(bytes)
  } finally {
    await file.close()
  }
}

/** The file may be a stage's doing: anything but an ordinary file is refused, and never waited for. */
async function readFile(
  path: string,
  bytesMax: number,
): Promise<Uint8Array | { tooLarge: number } | undefined> {
  // A named pipe in its place would keep a reader waiting; with `O_NONBLOCK` it does not.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is no ordinary file')
    if (stat.size > bytesMax) return { tooLarge: stat.size }
    const bytes = new Uint8Array(bytesMax + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      if (bytesRead === 0) break
      length += bytesRead
      if (length > bytesMax) return { tooLarge: length }
    }
    return bytes.slice(0, length)
  } finally {
    await file.close()
  }
}

/** A stage may have taken from its directories the permission to empty them. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error
    await unlock(path)
    await rm(path, { recursive: true, force: true })
  }
}

async function unlock(path: string): Promise<void> {
  await chmod(path, 0o700)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlock(join(path, entry.name))
  }
}

const codes: Readonly<Record<string, WorkspaceErrorCode>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOENT: 'notFound',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ELOOP: 'denied',
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new WorkspaceError(codes[errnoOf(error)] ?? 'failed', `${path}: ${message}`, error)
  }
}

function isLawful(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)
}

function lawful(name: string): string {
  assert(isLawful(name), 'a name in the workspace must be plain', { name })
  return name
}
