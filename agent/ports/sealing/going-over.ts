/**
 * Has a store go over to another key, or to its first: every value is written anew, so many at a time,
 * and with each batch how far it has come. Whoever dies on the way goes on from there. In the end
 * nothing that was deleted or written over is in the store's files any more.
 */
import type { Disk, DiskOp } from '../../../protocol/ports/disk.ts'
import { encodeSealRow, type Going, sealRowKey } from './seal-row.ts'
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

/** `key`: the store's, as its row tells it. Returns how many values went over. */
export async function goOver(
  disk: Disk,
  key: Uint8Array,
  going: Going,
  { by, to, from }: Seals,
): Promise<number> {
  let values = 0
  let { doneTo } = going
  for (let more = true; more; ) {
    const batch: DiskOp[] = []
    let bytes = 0
    more = false
    for await (const [place, value] of disk.scan({ from: `${doneTo}\0`, to: afterAllKeys })) {
      if (batch.length >= atOnce.values || bytes >= atOnce.bytes) {
        more = true
        break
      }
      doneTo = place
      if (place === sealRowKey || plainKeys.has(place)) continue
      const sealed = to.seal(place, from ? openedBy(from, place, value) : value)
      batch.push({ put: place, value: sealed })
      bytes += sealed.length
      values++
    }
    const value = encodeSealRow({ key, going: { ...going, doneTo } }, by)
    await disk.write([...batch, { put: sealRowKey, value }], { durable: true })
  }
  await disk.scrub('')
  const value = encodeSealRow({ key, going: undefined }, by)
  await disk.write([{ put: sealRowKey, value }], { durable: true })
  return values
}
