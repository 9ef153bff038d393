/**
 * The way down from a directory, one name at a time, each opened where the one before was found and
 * never through a link. Whatever is renamed or replaced meanwhile, the way leads nowhere else.
 *
 * On systems without /proc names are looked up by their whole path, as anybody would.
 */
import { constants, existsSync } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { type Identity, permits } from './identity.ts'

const hasHandles = existsSync('/proc/self/fd')
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** A directory that is open. */
export class Beneath {
  readonly handle: FileHandle
  readonly #path: string

  private constructor(handle: FileHandle, path: string) {
    this.handle = handle
    this.#path = path
  }

  /** With `as`, only where that user could go as well. The directory may be named by a link. */
  static async open(directory: string, as?: Identity): Promise<Beneath> {
    if (as === undefined)
      return new Beneath(await open(directory, O_RDONLY | O_DIRECTORY), directory)
    const names = (await realpath(directory)).split('/').filter((name) => name !== '')
    const top = new Beneath(await open('/', O_RDONLY | O_DIRECTORY), '/')
    return top.#descend(names, as)
  }

  /** The way to a directory below this one, which is closed then. */
  static async openBelow(
    directory: string,
    names: readonly string[],
    as?: Identity,
  ): Promise<Beneath> {
    return (await Beneath.open(directory, as)).#descend(names, as)
  }

  /** What the system takes for the path of a name in here. */
  path(name: string): string {
    return hasHandles ? `/proc/self/fd/${this.handle.fd}/${name}` : join(this.#path, name)
  }

  /** For listing it. */
  get own(): string {
    return hasHandles ? `/proc/self/fd/${this.handle.fd}` : this.#path
  }

  /** Rejects with `ENOTDIR` or `ELOOP` where the name is none of a directory. */
  async enter(name: string, as?: Identity): Promise<Beneath> {
    await this.refuseUnlessEntered(as)
    const handle = await open(this.path(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    return new Beneath(handle, join(this.#path, name))
  }

  async refuseUnlessEntered(as: Identity | undefined): Promise<void> {
    if (as === undefined || permits(await this.handle.stat(), as, 'enter')) return
    throw denied(`${this.#path} cannot be entered by the user of stages`)
  }

  close(): Promise<void> {
    return this.handle.close()
  }

  async #descend(names: readonly string[], as: Identity | undefined): Promise<Beneath> {
    let at: Beneath = this
    for (const name of names) {
      const above = at
      try {
        at = await above.enter(name, as)
      } finally {
        await above.close()
      }
    }
    return at
  }
}

export function denied(why: string): Error {
  return Object.assign(new Error(why), { code: 'EACCES' })
}
