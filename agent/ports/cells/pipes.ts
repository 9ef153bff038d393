/**
 * Named pipes for what programs write. The program holds its end open for reading too, so that it
 * does not die of a broken pipe when the agent does: it waits, and the agent's next life reads on.
 *
 * Pipes are made many at a time, because only a program can make one, and used again when nobody
 * holds them any more.
 */
import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, rmSync } from 'node:fs'
import { chmod, lchown, mkdir } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../../protocol/ports/processes.ts'
import type { Identity } from '../identity.ts'
import { cellLimits } from '../limits.ts'

const run = promisify(execFile)

export class Pipes {
  readonly #directory: string
  /** Names of the lives whose pipes are in use: this one's, and those of cells found again. */
  readonly #lives: Set<string>
  readonly #life: string
  readonly #user: Identity | undefined
  readonly #free: string[] = []
  #next = 0
  #making: Promise<void> | undefined

  /**
   * `life` keeps the names of this life apart from those of earlier ones. `user`: who is to open
   * them, where that is not the agent's own.
   */
  constructor(directory: string, life: string, user?: Identity) {
    this.#directory = directory
    this.#life = life
    this.#user = user
    this.#lives = new Set([life])
  }

  async take(): Promise<string> {
    for (;;) {
      const path = this.#free.pop()
      if (path !== undefined) return path
      this.#making ??= this.#make().finally(() => {
        this.#making = undefined
      })
      await this.#making
    }
  }

  /** Only a pipe that nobody holds. */
  giveBack(path: string): void {
    this.#free.push(path)
  }

  /** One that somebody may hold for ever. */
  discard(path: string): void {
    rmSync(path, { force: true })
  }

  /** Whether it is one of ours, of this life or an earlier one; it is then kept. */
  adopt(path: string): boolean {
    const directory = dirname(path)
    if (dirname(directory) !== this.#directory) return false
    this.#lives.add(basename(directory))
    return true
  }

  /** Removes the pipes of lives of which nothing was adopted. */
  clear(): void {
    for (const life of namesIn(this.#directory)) {
      if (!this.#lives.has(life)) {
        rmSync(join(this.#directory, life), { recursive: true, force: true })
      }
    }
  }

  async #make(): Promise<void> {
    const directory = join(this.#directory, this.#life)
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const paths = Array.from({ length: cellLimits.pipesMadeAtOnce }, () =>
      join(directory, String(this.#next++)),
    )
    try {
      await run('mkfifo', ['-m', '600', ...paths])
      if (this.#user !== undefined) await this.#handOver(this.#user, directory, paths)
    } catch (error) {
      throw new StartError('failed', `no pipes in ${directory}: ${String(error)}`)
    }
    this.#free.push(...paths)
  }

  /** What they lie in stays the agent's, so that nothing can be put in the place of one. */
  async #handOver({ uid, gid }: Identity, directory: string, paths: string[]): Promise<void> {
    for (const each of [this.#directory, directory]) await chmod(each, 0o711)
    for (const path of paths) await lchown(path, uid, gid)
  }
}

/** The agent's end of one pipe. */
export class PipeEnd {
  readonly path: string
  readonly #socket: Socket
  #retired = false
  /** Everybody who could write is gone. */
  ended = false
  /** Chunks so far: two looks that see the same number saw silence. */
  chunks = 0

  /** Opened before the program's end, which must not find itself without a reader. */
  constructor(path: string, onChunk: (chunk: Uint8Array) => void) {
    this.path = path
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    this.#socket = new Socket({ fd, readable: true, writable: false })
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#retired) return
      this.chunks++
      onChunk(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
    const end = (): void => {
      this.ended = true
    }
    this.#socket.once('end', end)
    this.#socket.once('error', end)
    this.#socket.unref()
  }

  hold(held: boolean): void {
    if (held && !this.#retired) this.#socket.pause()
    else this.#socket.resume()
  }

  /**
   * Delivers nothing any more, and says when nobody holds the pipe: it can then be used again. Until
   * then what comes is read and dropped, so that whoever still writes is not kept waiting.
   */
  retire(free: () => void): void {
    this.#retired = true
    const done = (): void => {
      this.#socket.destroy()
      free()
    }
    if (this.ended) done()
    else {
      this.#socket.resume()
      this.#socket.once('end', done)
    }
  }

  /** Before anybody has held it. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** For the program: blocking, and for both directions. Closed here once it has been handed over. */
export function openForProgram(path: string): { fd: number; close(): void } {
  const fd = openSync(path, constants.O_RDWR)
  return { fd, close: () => closeSync(fd) }
}

/** None where there is no such directory. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
