/**
 * Named pipes for what programs write. The program holds its end open for reading too, so that it
 * does not die of a broken pipe when the agent does: it waits, and the agent's next life reads on.
 *
 * Pipes are made many at a time, because only a program can make one, and used again when nobody
 * holds them any more.
 */
import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { chmod, lchown, mkdir } from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../../protocol/ports/processes.ts'
import { errnoOf } from '../errno.ts'
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
  /** Ends of free ones that are open still, by path: the next program's output is read from there. */
  readonly #ends = new Map<string, number>()
  #isClosed = false
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

  /** The agent's end of one that was taken. Throws where it cannot be opened. */
  open(path: string, onChunk: (chunk: Uint8Array) => void): PipeEnd {
    const end = this.#ends.get(path)
    this.#ends.delete(path)
    return new PipeEnd(path, onChunk, end)
  }

  /** Only a pipe that nobody else holds; `end` is the agent's, where that is open still. */
  giveBack(path: string, end: number | undefined): void {
    if (end !== undefined) this.#keep(path, end)
    this.#free.push(path)
  }

  #keep(path: string, end: number): void {
    const { pipeEndsKept } = cellLimits
    if (!this.#isClosed && this.#ends.size < pipeEndsKept) this.#ends.set(path, end)
    else closeSync(end)
  }

  /** Keeps none open any more. */
  close(): void {
    this.#isClosed = true
    for (const end of this.#ends.values()) closeSync(end)
    this.#ends.clear()
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

/**
 * The agent's end of one pipe. It is listened to from when its program has run for a moment: of the
 * many that are over by then, what they wrote is read at their end, and nothing waits for more.
 */
export class PipeEnd {
  readonly path: string
  readonly #onChunk: (chunk: Uint8Array) => void
  /** Until the socket has it, or it is closed. */
  #end: number | undefined
  #socket: Socket | undefined
  #held = false
  #retired = false
  /** Everybody who could write is gone. */
  ended = false
  /** Chunks so far: two looks that see the same number saw silence. */
  chunks = 0

  /** Opened before the program's end, which must not find itself without a reader; or open already. */
  constructor(path: string, onChunk: (chunk: Uint8Array) => void, end = openToRead(path)) {
    this.path = path
    this.#onChunk = onChunk
    this.#end = end
  }

  /**
   * From now on what is written is delivered as it comes. False when nobody can write: the program
   * has given its end away, or has not opened it yet. To the kernel that is the same, for an end of
   * the agent's that has had writers before.
   */
  listen(): boolean {
    const fd = this.#end
    if (fd === undefined || this.ended) return true
    const isHeld = this.#readFrom(fd)
    if (isHeld) this.#attach(fd)
    return isHeld
  }

  /** Its program is gone: what it has left there. Whoever holds it still is listened to. */
  readOut(): void {
    if (!this.listen()) this.ended = true
  }

  /** Whether anybody may write yet. */
  #readFrom(fd: number): boolean {
    // More than it holds at one time comes from somebody who may go on for ever.
    for (let left = READS_MAX; left > 0; left--) {
      const length = readNow(fd)
      if (length === undefined) return true
      if (length === 0) return false
      this.#deliver(room.slice(0, length))
    }
    return true
  }

  #attach(fd: number): void {
    this.#end = undefined
    const socket = new Socket({ fd, readable: true, writable: false })
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#deliver(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
    const end = (): void => {
      this.ended = true
    }
    socket.once('end', end)
    socket.once('error', end)
    socket.unref()
    if (this.#held) socket.pause()
  }

  hold(held: boolean): void {
    this.#held = held && !this.#retired
    if (this.#held) this.#socket?.pause()
    else this.#socket?.resume()
  }

  /**
   * Delivers nothing any more, and says when nobody else holds the pipe: it can then be used again,
   * by this end where that is still open. Until then what comes is read and dropped, so that whoever
   * still writes is not kept waiting.
   */
  retire(free: (end: number | undefined) => void): void {
    this.#retired = true
    this.#held = false
    this.readOut()
    const done = (): void => {
      const end = this.#end
      this.#end = undefined
      this.#socket?.destroy()
      free(end)
    }
    if (this.ended) done()
    else {
      this.#socket?.resume()
      this.#socket?.once('end', done)
    }
  }

  /** Before anybody has held it. */
  destroy(): void {
    this.#socket?.destroy()
    if (this.#end !== undefined) closeSync(this.#end)
    this.#end = undefined
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#retired) return
    this.chunks++
    this.#onChunk(chunk)
  }
}

/** What one pipe holds, unless it was made larger. */
const room = new Uint8Array(64 << 10)
const READS_MAX = 2

function openToRead(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** 0: nobody can write. Undefined: somebody can, and has written nothing since. */
function readNow(fd: number): number | undefined {
  try {
    return readSync(fd, room)
  } catch (error) {
    return errnoOf(error) === 'EAGAIN' ? undefined : 0
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
