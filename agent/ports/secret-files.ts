/**
 * Secrets of attempts as files in memory: in a file system that the kernel keeps there (tmpfs), below
 * a directory of this agent's alone. It is there while anything lies in it, and has the same name in
 * the agent's next life, which so finds what a killed one has left.
 *
 * Where there is no such place, none are given: what was once written to a disk, a removed file still
 * leaves there.
 */

import { rmdirSync, statfsSync } from 'node:fs'
import { chmod, lchown, lstat, mkdir, open, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { SecretFiles, SecretReader } from '../../protocol/ports/secret-files.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { errnoOf } from './errno.ts'
import type { Identity } from './identity.ts'
import { secretFileLimits } from './limits.ts'
import { removeBeneath } from './remove-beneath.ts'
import { isLawful, lawful, removeTree, told } from './workspace.ts'

/** As the kernel numbers them: tmpfs and ramfs. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])
/** Others may go through, to what they know is theirs. */
const PASSABLE = 0o711
const PRIVATE = 0o700
/** In a folder for a container, which is shown this one: its users are not those of the host. */
const SHOWN = 'shown'

/** Where to look, best first: only root writes in /run, and only one user in what is made for him. */
export function memoryPlaces(env: NodeJS.ProcessEnv): string[] {
  if (process.getuid?.() === 0) return ['/run', '/dev/shm']
  const own = env.XDG_RUNTIME_DIR
  return own?.startsWith('/') ? [own, '/dev/shm'] : ['/dev/shm']
}

/**
 * `owner` is short and this agent's alone on the host, and the same in its next life. `user`: whom
 * stages run as, where that is not the agent's own user.
 */
export async function openSecretFiles(
  owner: string,
  places: readonly string[],
  user?: Identity,
): Promise<SecretFiles> {
  const roots: string[] = []
  const reasons: string[] = []
  for (const place of places) {
    const tried = await triedOut(place, owner, user)
    if (tried.ok) roots.push(tried.root)
    else reasons.push(tried.why)
  }
  const [first, ...others] = roots
  if (first !== undefined) return new SystemSecretFiles([first, ...others], user)
  return noSecretFiles(`there is no place in memory for them: ${reasons.join('; ')}`)
}

export function noSecretFiles(missing: string): SecretFiles {
  return {
    missing,
    put: (folder) => told(folder, () => Promise.reject(new Error(missing))),
    remove: () => Promise.resolve(),
    folders: () => Promise.resolve([]),
  }
}

type Tried = { ok: true; root: string } | { ok: false; why: string }

async function triedOut(place: string, owner: string, user: Identity | undefined): Promise<Tried> {
  try {
    const root = join(await realpath(place), `skein-secrets-${lawful(owner)}`)
    if (!inMemory.has(statfsSync(place).type)) return { ok: false, why: `${place} is on a disk` }
    await makeRoot(root, user)
    leaveIfEmpty(root)
    return { ok: true, root }
  } catch (error) {
    const why = messageOf(error)
    return { ok: false, why: `${place}: ${why}` }
  }
}

class SystemSecretFiles implements SecretFiles {
  readonly missing = undefined
  /** In all places where an earlier life may have put some, and the first for new ones. */
  readonly #roots: readonly [string, ...string[]]
  readonly #user: Identity | undefined

  constructor(roots: readonly [string, ...string[]], user: Identity | undefined) {
    this.#roots = roots
    this.#user = user
  }

  put(
    folder: string,
    files: ReadonlyMap<string, Uint8Array>,
    reader: SecretReader,
  ): Promise<string> {
    const path = join(this.#roots[0], lawful(folder))
    return told(path, async () => {
      await this.#remove(folder)
      await this.#make(path)
      try {
        return await this.#fill(path, files, reader)
      } catch (error) {
        await this.#remove(folder)
        throw error
      }
    })
  }

  remove(folder: string): Promise<void> {
    return told(join(this.#roots[0], lawful(folder)), () => this.#remove(folder))
  }

  folders(): Promise<string[]> {
    return told(this.#roots[0], async () => {
      const names = new Set<string>()
      for (const root of this.#roots) {
        for (const name of await namesIn(root)) if (isLawful(name)) names.add(name)
      }
      return [...names].sort()
    })
  }

  /** Nobody but the agent enters it until all of it is there. */
  async #make(path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await makeRoot(this.#roots[0], this.#user)
        return await mkdir(path, { mode: PRIVATE })
      } catch (error) {
        // Whoever removed the last folder meanwhile has taken the root along.
        if (errnoOf(error) !== 'ENOENT' || tries >= secretFileLimits.triesMax) throw error
      }
    }
  }

  async #fill(
    path: string,
    files: ReadonlyMap<string, Uint8Array>,
    reader: SecretReader,
  ): Promise<string> {
    const isShown = reader === 'container'
    const at = isShown ? join(path, SHOWN) : path
    if (isShown) {
      await mkdir(at)
      await chmod(at, 0o755)
    }
    for (const [name, bytes] of files) {
      const file = await open(join(at, lawful(name)), 'wx', 0o600)
      try {
        await file.writeFile(bytes)
        await file.chmod(isShown ? 0o444 : 0o400)
        if (this.#user !== undefined) await file.chown(this.#user.uid, this.#user.gid)
      } finally {
        await file.close()
      }
    }
    if (this.#user !== undefined) await lchown(path, this.#user.uid, this.#user.gid)
    return at
  }

  async #remove(folder: string): Promise<void> {
    for (const root of this.#roots) {
      if (this.#user === undefined) await removeTree(join(root, folder))
      else await removeBeneath(root, folder)
      leaveIfEmpty(root)
    }
  }
}

/** Others may have come first to where everybody writes: theirs is never used. */
async function makeRoot(root: string, user: Identity | undefined): Promise<void> {
  await mkdir(root, { mode: PRIVATE }).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error
  })
  const stat = await lstat(root)
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new Error(`${root} is somebody else's`)
  }
  const mode = user === undefined ? PRIVATE : PASSABLE
  if ((stat.mode & 0o777) !== mode) await chmod(root, mode)
}

function leaveIfEmpty(root: string): void {
  try {
    rmdirSync(root)
  } catch {
    // Something lies in it, or it is gone already.
  }
}

async function namesIn(root: string): Promise<string[]> {
  try {
    return await readdir(root)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
