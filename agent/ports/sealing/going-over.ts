/**
 * Has a store go over to another key, or to its first: every value is written anew, so many at a time,
 * and with each batch how far it has come. Whoever dies on the way goes on from there. In the end
 * nothing that was deleted or written over is in the store's files any more.
 */
import type { Disk, DiskOp } from '../../../protocol/ports/disk.ts'
import { encodeSealRow, type SealRow, sealRowKey } from './seal-row.ts'
import { openedBy, plainKeys } from './sealed-disk.ts'
import type { ValueSeal } from './value-seal.ts'

const atOnce = { values: 500, bytes: 4 * 1024 * 1024 }
const afterAllKeys = '\u{10FFFF}'

export interface Seals {
  /** The operator's. */
  readonly by: ValueSeal
  /** The store's. */
  readonly to: ValueSeal
  readonly from: ValueSeal | undefined
}

/** Returns the row of a store that has gone over, and how many values it holds. */
export async function goOver(
  disk: Disk,
  row: SealRow,
  { by, to, from }: Seals,
): Promise<{ row: SealRow; values: number }> {
  let { going } = row
  let values = 0
  for (let more = going !== undefined; going && more; ) {
    const batch: DiskOp[] = []
    let bytes = 0
    let doneTo: string = going.doneTo
    more = false
    for await (const [key, value] of disk.scan({ from: `${doneTo}\0`, to: afterAllKeys })) {
      if (batch.length >= atOnce.values || bytes >= atOnce.bytes) {
        more = true
        break
      }
      doneTo = key
      if (key === sealRowKey || plainKeys.has(key)) continue
      const sealed = to.seal(key, from ? openedBy(from, key, value) : value)
      batch.push({ put: key, value: sealed })
      bytes += sealed.length
      values++
    }
    going = { ...going, doneTo }
    const value = encodeSealRow({ ...row, going }, by)
    await disk.write([...batch, { put: sealRowKey, value }], { durable: true })
  }
  await disk.scrub('')
  const gone: SealRow = { key: row.key, going: undefined }
  await disk.write([{ put: sealRowKey, value: encodeSealRow(gone, by) }], { durable: true })
  return { row: gone, values }
}
