/** The latch on the disk: a record for each scope, synced before anything is done about it. */
import { type Disk, within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'

/** Of a record's key. */
export const latchPrefix = 'estop/'

export class LatchStore {
  readonly #disk: Disk
  readonly #log: Log

  constructor(disk: Disk, log: Log) {
    this.#disk = disk
    this.#log = log
  }

  async load(): Promise<Uint8Array[]> {
    const records: Uint8Array[] = []
    for await (const [, value] of this.#disk.scan(within(latchPrefix))) records.push(value)
    return records
  }

  /** False when the disk does not take it: it is to be tried again, and to be obeyed all the same. */
  async keep(records: readonly { scope: string; record: Uint8Array }[]): Promise<boolean> {
    const ops = records.map(({ scope, record }) => ({ put: latchPrefix + scope, value: record }))
    try {
      await this.#disk.write(ops, { durable: true })
      return true
    } catch (error) {
      this.#log.error('the emergency stop is not written down', { why: String(error) })
      return false
    }
  }
}
