/**
 * The commands that were done on this host, on its disk: a command is written down and synced before
 * it takes effect, so that neither a restart nor a crash opens the door for it again, but for what
 * waits for no disk (`admitAtOnce`). Read when the door opens, or when the first command comes.
 */
import type { Command } from '../../protocol/identity/envelope.ts'
import {
  type Admission,
  type NonceEntry,
  NonceWindow,
  nonceKey,
} from '../../protocol/identity/nonce-window.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Disk, type DiskOp, within } from '../../protocol/ports/disk.ts'
import { doorLimits } from './limits.ts'

const PREFIX = 'door/done/'
const FLOOR = 'door/floor'
/** Digits of a time, so that keys are ordered by it. */
const timeDigits = 15

interface NonceLimits {
  noncesMax: number
  forgetEveryMs: number
  forgottenAtOnceMax: number
}

export type NonceDisk = Pick<Disk, 'get' | 'scan' | 'write'>

export class NonceStore {
  readonly #disk: NonceDisk
  readonly #limits: NonceLimits
  #opening: Promise<NonceWindow> | undefined
  #lookedMs = 0
  /** Goes out with the next command, in one batch: what is forgotten, and that it never comes again. */
  #forgotten: DiskOp[] = []

  constructor(disk: NonceDisk, limits: NonceLimits = doorLimits) {
    this.#disk = disk
    this.#limits = limits
  }

  /** Reads what there is, so that the first command need not wait for it. */
  open(): void {
    this.#opened().catch(() => {})
  }

  /** Once `fresh` is returned, the command is on disk. Rejects where it cannot be: then it may not be done. */
  async admit(by: PeerId, command: Command, nowMs: number): Promise<Admission> {
    const window = await this.#opened()
    this.#forget(window, nowMs)
    const admission = window.admit(by, command, nowMs)
    // Should it fail, the command is taken for done: it was not, and can be signed again.
    if (admission === 'fresh') await this.#write(by, command)
    return admission
  }

  /**
   * For what does nothing when it is done again: it waits for no disk, and is done where there is no
   * room for it. It is refused as others are, by all that is known; of an earlier life that is
   * nothing where it cannot be read.
   */
  async admitAtOnce(by: PeerId, command: Command, nowMs: number): Promise<Admission> {
    const window = await this.#opened().catch(() => undefined)
    if (window !== undefined) this.#forget(window, nowMs)
    const admission = window?.admit(by, command, nowMs)
    if (admission === 'replayed') return 'replayed'
    // Where the disk does not take it, the next life may do it once more.
    if (admission === 'fresh') void this.#write(by, command).catch(() => {})
    return 'fresh'
  }

  #opened(): Promise<NonceWindow> {
    this.#opening ??= this.#read().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  #write(by: PeerId, command: Command): Promise<void> {
    const written = { put: keyOf(nonceKey(by, command.nonce), command.expiresMs), value: nothing }
    const forgotten = this.#forgotten
    this.#forgotten = []
    return this.#disk.write([...forgotten, written], { durable: true })
  }

  /** Of a command that was let in and certainly took no effect: it may come again. */
  release(by: PeerId, { nonce, expiresMs }: Command): void {
    const key = nonceKey(by, nonce)
    void this.#opening?.then((window) => {
      window.release(key)
      this.#forgotten.push({ del: keyOf(key, expiresMs) })
    })
  }

  async #read(): Promise<NonceWindow> {
    const floor = await this.#disk.get(FLOOR)
    const floorMs = floor === undefined ? 0 : Number(Buffer.from(floor).toString())
    const entries: NonceEntry[] = []
    for await (const [path] of this.#disk.scan(within(PREFIX))) {
      const at = PREFIX.length + timeDigits
      const expiresMs = Number(path.slice(PREFIX.length, at))
      entries.push({ key: path.slice(at + 1), expiresMs })
    }
    return new NonceWindow(this.#limits.noncesMax, entries, floorMs)
  }

  #forget(window: NonceWindow, nowMs: number): void {
    const { noncesMax, forgetEveryMs, forgottenAtOnceMax } = this.#limits
    const full = window.size >= noncesMax
    if (!full && nowMs - this.#lookedMs < forgetEveryMs) return
    this.#lookedMs = nowMs
    const gone = window.forgetExpired(nowMs, forgottenAtOnceMax)
    if (gone.length === 0) return
    const value = new Uint8Array(Buffer.from(String(window.floorMs)))
    this.#forgotten.push({ put: FLOOR, value })
    for (const { key, expiresMs } of gone) this.#forgotten.push({ del: keyOf(key, expiresMs) })
  }
}

const nothing = new Uint8Array()

function keyOf(key: string, expiresMs: number): string {
  return `${PREFIX}${String(expiresMs).padStart(timeDigits, '0')}/${key}`
}
