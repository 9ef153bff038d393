/**
 * Directories and files of attempts, below one directory that is the agent's own. Where stages run
 * as another user, those that are prepared are that user's, who may then do there what he likes:
 * what the agent does with it does nothing that the user could not have done himself.
 */

import { constants, type Stats, statfsSync } from 'node:fs'
import {
  chmod,
  type FileHandle,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
} from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../protocol/assert.ts'
import {
  type Workspace,
  WorkspaceError,
  type WorkspaceErrorCode,
  type WorkspaceFile,
} from '../../protocol/ports/workspace.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { errnoOf } from './errno.ts'
import type { Identity } from './identity.ts'
import { workspaceLimits } from './limits.ts'
import { removeBeneath } from './remove-beneath.ts'
import { SpareDirectories } from './spare-directories.ts'

/** Others may go through, to what they know is theirs. */
const PASSABLE = 0o711

export class SystemWorkspace implements Workspace {
  readonly #root: string
  readonly #owner: Identity | undefined
  /** None of another user's, who may do there what he likes at any time. */
  readonly #spares: SpareDirectories | undefined
  #freeBytes = Number.POSITIVE_INFINITY
  #lookedMs = Number.NEGATIVE_INFINITY

  /** `owner`: whom stages run as, where that is not the agent's own user. */
  constructor(root: string, owner?: Identity) {
    this.#root = root
    this.#owner = owner
    this.#spares = owner === undefined ? new SpareDirectories(root) : undefined
  }

  path(directory: string): string {
    return join(this.#root, lawful(directory))
  }

  prepare(directory: string): Promise<void> {
    const path = this.path(directory)
    return told(path, async () => {
      if (await this.#usedAgain(directory)) return
      try {
        await mkdir(path, { mode: 0o700 })
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') await this.#remove(directory)
        const mode = this.#owner === undefined ? 0o700 : PASSABLE
        await mkdir(this.#root, { recursive: true, mode })
        await mkdir(path, { mode: 0o700 })
      }
      if (this.#owner !== undefined) await lchown(path, this.#owner.uid, this.#owner.gid)
    })
  }

  async #usedAgain(directory: string): Promise<boolean> {
    this.#spares?.forget(directory)
    const spare = this.#spares?.take()
    if (spare === undefined) return false
    try {
      await rename(this.path(spare), this.path(directory))
      return true
    } catch {
      // Something is in its place, or somebody has removed it.
      await rmdir(this.path(spare)).catch(() => {})
      return false
    }
  }

  discard(directory: string): Promise<void> {
    const path = this.path(directory)
    this.#spares?.forget(directory)
    return told(path, () => this.#remove(directory))
  }

  #remove(directory: string): Promise<void> {
    if (this.#owner !== undefined) return removeBeneath(this.#root, lawful(directory))
    return removeTree(this.path(directory))
  }

  discardEmpty(directory: string): Promise<boolean> {
    const path = this.path(directory)
    const kept = this.#spares?.keep(directory)
    if (kept === 'kept') return Promise.resolve(true)
    if (kept === 'notEmpty') return Promise.resolve(false)
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

  get resting(): ReadonlySet<string> {
    return this.#spares?.resting ?? new Set()
  }

  reuse(directories: Iterable<string>): void {
    this.#spares?.reuse(directories)
  }

  size(directory: string, bytesMax: number): Promise<number> {
    const path = this.path(directory)
    return told(path, () => sizeBelow(path, bytesMax))
  }

  freeBytes(): number {
    const nowMs = performance.now()
    if (nowMs - this.#lookedMs < workspaceLimits.freeBytesAgeMs) return this.#freeBytes
    this.#lookedMs = nowMs
    try {
      const { bavail, bsize } = statfsSync(this.#root)
      this.#freeBytes = bavail * bsize
    } catch {
      // There is no such directory yet, so nothing has been written to it either.
      this.#freeBytes = Number.POSITIVE_INFINITY
    }
    return this.#freeBytes
  }

  directories(): Promise<string[]> {
    return told(this.#root, async () => {
      const names = await readdir(this.#root).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return []
        throw error
      })
      return names.filter((name) => isLawful(name) && !this.#spares?.has(name)).sort()
    })
  }

  file(directory: string, name: string): WorkspaceFile {
    return new SystemFile(this.path(directory), lawful(name), this.#owner)
  }
}

/** Blocks of a file system are told in these, whatever its own are. */
const BLOCK_BYTES = 512

/** What comes and goes meanwhile, and what may not be looked at, counts as nothing. */
async function sizeBelow(root: string, bytesMax: number): Promise<number> {
  // A link in its place leads elsewhere, which is not the stage's.
  const isThere = (await lstat(root).catch(() => undefined))?.isDirectory() ?? false
  const left = isThere ? [root] : []
  let bytes = 0
  let files = 0
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const name = join(path, entry.name)
      if (entry.isDirectory()) left.push(name)
      const stats = await lstat(name).catch(() => undefined)
      bytes += (stats?.blocks ?? 0) * BLOCK_BYTES
      if (bytes > bytesMax || ++files >= workspaceLimits.countedFilesMax) return bytes
    }
  }
  return bytes
}

class SystemFile implements WorkspaceFile {
  readonly #directory: string
  readonly #path: string
  readonly #owner: Identity | undefined

  constructor(directory: string, name: string, owner: Identity | undefined) {
    this.#directory = directory
    this.#path = join(directory, name)
    this.#owner = owner
  }

  read(bytesMax: number): Promise<Uint8Array | { tooLarge: number } | undefined> {
    return this.#inside(async (owner) => {
      try {
        return await readFile(this.#path, bytesMax, owner)
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined
        throw error
      }
    })
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#changed((owner) => put(this.#path, bytes, 'append', owner))
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#changed((owner) => put(this.#path, bytes, 'replace', owner))
  }

  renameTo(name: string): Promise<void> {
    return this.#inside(() => rename(this.#path, join(this.#directory, lawful(name))))
  }

  remove(): Promise<void> {
    return this.#inside(() => rm(this.#path, { force: true }))
  }

  #changed(change: (owner: Identity | undefined) => Promise<void>): Promise<void> {
    return this.#inside(async (owner) => {
      try {
        await change(owner)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error
        await mkdir(this.#directory, { recursive: true, mode: 0o700 })
        await change(owner)
      }
    })
  }

  /**
   * A stage may have put a link in the place of its directory: what is behind it is not ours. Given
   * is whose the directory is, where it is not the agent's.
   */
  #inside<T>(work: (owner: Identity | undefined) => Promise<T>): Promise<T> {
    return told(this.#path, async () => {
      const stat = await lstat(this.#directory).catch(() => undefined)
      if (stat?.isSymbolicLink()) {
        throw Object.assign(new Error('its directory is a link'), { code: 'ELOOP' })
      }
      return work(stat?.uid === this.#owner?.uid ? this.#owner : undefined)
    })
  }
}

/** Into a file, and not through whatever else a stage has put in its place. */
async function put(
  path: string,
  bytes: Uint8Array,
  how: 'append' | 'replace',
  owner: Identity | undefined,
): Promise<void> {
  const file = await openToPut(path, how, owner)
  try {
    if (how === 'replace') await file.truncate()
    await file.writeFile(bytes)
  } finally {
    await file.close()
  }
}

async function openToPut(
  path: string,
  how: 'append' | 'replace',
  owner: Identity | undefined,
): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_APPEND } = constants
  const flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | (how === 'append' ? O_APPEND : 0)
  try {
    const file = await open(path, flags)
    return await checked(file, () => file.stat().then((stat) => refuseStrange(stat, owner)))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    const file = await open(path, flags | O_CREAT | O_EXCL, 0o600)
    return await checked(file, async () => {
      if (owner !== undefined) await file.chown(owner.uid, owner.gid)
    })
  }
}

async function checked(file: FileHandle, check: () => Promise<void>): Promise<FileHandle> {
  try {
    await check()
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Only an ordinary file, and in the directory of another user only one that is known by no second
 * name: that could be a file of the agent's or the system's, which the user may not touch.
 */
function refuseStrange(stat: Stats, owner: Identity | undefined): void {
  if (!stat.isFile()) throw new Error('it is no ordinary file')
  if (owner === undefined || stat.uid === owner.uid || stat.nlink === 1) return
  throw Object.assign(new Error('it is a file of somebody else'), { code: 'EACCES' })
}

/** The file may be a stage's doing: anything but an ordinary file is refused, and never waited for. */
async function readFile(
  path: string,
  bytesMax: number,
  owner: Identity | undefined,
): Promise<Uint8Array | { tooLarge: number } | undefined> {
  // A named pipe in its place would keep a reader waiting; with `O_NONBLOCK` it does not.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const stat = await file.stat()
    refuseStrange(stat, owner)
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
export async function removeTree(path: string): Promise<void> {
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

/** Rejects with `WorkspaceError`. */
export async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const message = messageOf(error)
    throw new WorkspaceError(codes[errnoOf(error)] ?? 'failed', `${path}: ${message}`, error)
  }
}

export function isLawful(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name)
}

export function lawful(name: string): string {
  assert(isLawful(name), 'a name in the workspace must be plain', { name })
  return name
}
