/** A file that is synced after each thing written to it, and does nothing else. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  write,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** `inline` has the loop wait for the disk, `pool` has a thread do that. */
export type Syncing = 'inline' | 'pool'

/** Written before it is used, so that a sync has no length of the file to write besides. */
const ALLOCATED_BYTES = 8 * 1_024 ** 2

export class SyncedFile {
  private readonly syncing: Syncing
  private readonly fd: number
  private at = 0

  constructor(directory: string, syncing: Syncing) {
    this.syncing = syncing
    this.fd = openSync(join(mkdtempSync(join(directory, 'quorum-')), 'log'), 'w')
    writeSync(this.fd, Buffer.alloc(ALLOCATED_BYTES))
    fdatasyncSync(this.fd)
  }

  /** Throws where the disk refuses. */
  append(bytes: Uint8Array, synced: () => void): void {
    const { fd, at } = this
    this.at = (at + bytes.length) % (ALLOCATED_BYTES - bytes.length)
    if (this.syncing === 'inline') {
      writeSync(fd, bytes, 0, bytes.length, at)
      fdatasyncSync(fd)
      synced()
      return
    }
    const then = (next: () => void) => (error: Error | null) => {
      if (error) throw error
      next()
    }
    const sync = () => fdatasync(fd, then(synced))
    write(fd, bytes, 0, bytes.length, at, then(sync))
  }

  close(): void {
    closeSync(this.fd)
  }
}
