/** Files of a folder, one after the other, into the history of all: a trace or a table each. */
import type { Row } from '../rows.ts'
import { readCsv } from './csv.ts'
import type { Refused } from './findings.ts'
import { type NamedTrace, rowsOfTraces, untimedIn } from './rows.ts'
import { unpack } from './unpack.ts'
import { readWfFormat } from './wfformat.ts'

export class Collection {
  readonly #traces: NamedTrace[] = []
  readonly #rows: Row[] = []

  /** By the ends of their names, packed or not. */
  static takes(file: string): boolean {
    return /\.(json|csv)(\.gz)?$/i.test(file)
  }

  /** `file`: its name, from the folder that is read. Undefined when all is well with it. */
  add(file: string, bytes: Uint8Array): Refused | undefined {
    const unpacked = unpack(bytes)
    if (!unpacked.ok) return unpacked
    if (/\.csv(\.gz)?$/i.test(file)) {
      const read = readCsv(unpacked.text, file)
      if (!read.ok) return read
      for (const row of read.rows) this.#rows.push(row)
      return undefined
    }
    const read = readWfFormat(unpacked.text)
    if (!read.ok) return read
    this.#traces.push({ file, trace: read.trace })
    return undefined
  }

  /** In the order of their ends. */
  rows(): Row[] {
    const rows = [...rowsOfTraces(this.#traces), ...this.#rows]
    return rows.sort((a, b) => a.endedMs - b.endedMs)
  }

  /** Tasks of which nobody measured how long they took. */
  get untimed(): number {
    return untimedIn(this.#traces)
  }
}
