/**
 * Directories of attempts that left theirs as they found it, kept to be used again. To make one and
 * to remove it costs more than the rest of a small program: a file system without a journal looks
 * past all that were removed of late to make the next (measured: 0.4 of 1.8 ms of CPU a stage).
 *
 * Whoever has left its program's group unseen may be in such a directory. So it rests until a look at
 * all processes that began later has found nobody of its cell.
 */
import { type Dir, lstatSync, opendirSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { workspaceLimits } from './limits.ts'

export class SpareDirectories {
  readonly #root: string
  /** Empty, and somebody may be in them. */
  readonly #resting = new Set<string>()
  readonly #free = new Set<string>()
  #isUsed = false
  #timer: NodeJS.Timeout | undefined

  constructor(root: string) {
    this.#root = root
  }

  get resting(): ReadonlySet<string> {
    return new Set(this.#resting)
  }

  has(name: string): boolean {
    return this.#resting.has(name) || this.#free.has(name)
  }

  /** Keeps it, if it is empty and as it was made. `full`: there are enough of them. */
  keep(name: string): 'kept' | 'notEmpty' | 'full' | 'strange' {
    if (this.#resting.size + this.#free.size >= workspaceLimits.spareMax) return 'full'
    const state = stateOf(join(this.#root, name))
    if (state !== 'plain') return state
    this.#resting.add(name)
    this.#plan()
    return 'kept'
  }

  /** Nobody is in these. */
  reuse(names: Iterable<string>): void {
    for (const name of names) if (this.#resting.delete(name)) this.#free.add(name)
  }

  take(): string | undefined {
    this.#isUsed = true
    const [name] = this.#free
    if (name !== undefined) this.#free.delete(name)
    return name
  }

  /** It is another's now. */
  forget(name: string): void {
    this.#resting.delete(name)
    this.#free.delete(name)
  }

  /** None is kept for long where none is wanted. */
  #plan(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (!this.#isUsed) return void this.#removeAll()
      this.#isUsed = false
      if (this.#resting.size + this.#free.size > 0) this.#plan()
    }, workspaceLimits.spareMs).unref()
  }

  async #removeAll(): Promise<void> {
    const names = [...this.#resting, ...this.#free]
    this.#resting.clear()
    this.#free.clear()
    // What cannot be removed, an agent's next life clears away.
    for (const name of names) await rmdir(join(this.#root, name)).catch(() => {})
  }
}

/** `strange`: it is no directory any more, or not as it was made, or not ours to look at. */
function stateOf(path: string): 'plain' | 'notEmpty' | 'strange' {
  let directory: Dir | undefined
  try {
    const stat = lstatSync(path)
    if (!stat.isDirectory() || (stat.mode & 0o7777) !== 0o700) return 'strange'
    directory = opendirSync(path)
    return directory.readSync() === null ? 'plain' : 'notEmpty'
  } catch {
    return 'strange'
  } finally {
    directory?.closeSync()
  }
}
