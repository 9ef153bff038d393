/** Opens a store with the key that its operator keeps, and seals one that was not sealed before. */
import { randomBytes } from 'node:crypto'
import type { Disk } from '../../../protocol/ports/disk.ts'
import { goOver } from './going-over.ts'
import { decodeSealRow, encodeSealRow, type SealRow, sealRowKey } from './seal-row.ts'
import { SealedDisk } from './sealed-disk.ts'
import { lifeBytes, sealKeyBytes, ValueSeal } from './value-seal.ts'

export type SealRefusal = 'noKey' | 'wrongKey' | 'notSealed'

/** What it is sealed with is not what was given. */
export class SealRefused extends Error {
  readonly why: SealRefusal
  constructor(why: SealRefusal) {
    super(`the store does not open: ${why}`)
    this.name = 'SealRefused'
    this.why = why
  }
}

/** As it is to be used: with `key`, nothing else reads or writes its values. Rejects with `SealRefused`. */
export async function openedWith(disk: Disk, key: Uint8Array | undefined): Promise<Disk> {
  const stored = await disk.get(sealRowKey)
  if (key === undefined) {
    if (stored) throw new SealRefused('noKey')
    return disk
  }
  const by = taken(key)
  const row = stored ? decodeSealRow(stored, by) : await begun(disk, by, undefined)
  if (!row) throw new SealRefused('wrongKey')
  return new SealedDisk(disk, (await goneOver(disk, row, by)).to)
}

/** From then on it opens with `next` alone, under another key of its own. Returns how many values. */
export async function rekeyed(disk: Disk, key: Uint8Array, next: Uint8Array): Promise<number> {
  const stored = await disk.get(sealRowKey)
  if (!stored) throw new SealRefused('notSealed')
  const by = taken(next)
  const row = decodeSealRow(stored, by) ?? (await turned(disk, stored, taken(key), by))
  return (await goneOver(disk, row, by)).values
}

/** What an earlier change had not finished is finished first. */
async function turned(disk: Disk, stored: Uint8Array, old: ValueSeal, by: ValueSeal) {
  const row = decodeSealRow(stored, old)
  if (!row) throw new SealRefused('wrongKey')
  await goneOver(disk, row, old)
  return begun(disk, by, row.key)
}

async function begun(disk: Disk, by: ValueSeal, from: Uint8Array | undefined): Promise<SealRow> {
  const row: SealRow = { key: randomBytes(sealKeyBytes), going: { from, doneTo: '' } }
  const value = encodeSealRow(row, by)
  await disk.write([{ put: sealRowKey, value }], { durable: true })
  return row
}

/** With what the store is sealed once it has gone over, and how many values had to. */
async function goneOver(
  disk: Disk,
  { key, going }: SealRow,
  by: ValueSeal,
): Promise<{ to: ValueSeal; values: number }> {
  const to = taken(key)
  if (going === undefined) return { to, values: 0 }
  const from = going.from && taken(going.from)
  return { to, values: await goOver(disk, key, going, { by, to, from }) }
}

function taken(key: Uint8Array): ValueSeal {
  return new ValueSeal(key, randomBytes(lifeBytes))
}
