/**
 * Whether LevelDB's write-ahead logs are as they were written. LevelDB itself passes over a record
 * that is not whole, and all that follows in its block, without a word: a flipped bit would take
 * batches that were synced long ago, and whoever had promised something by them would not know.
 *
 * A record that is not whole at the end says nothing: a write was cut short, and nobody was told that
 * it was safe. One that whole records follow was safe; unless a loss of power has left a sector of it
 * unwritten, which then holds zeros and nothing else. What befalls the very last record cannot be
 * told from a write that was cut short.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** LevelDB's format of logs: records in blocks, none of which crosses the end of its block. */
const blockBytes = 32 * 1024
/** A checksum (4, masked), the length of what follows (2), and the type (1), which the sum covers. */
const headerBytes = 7
const typeMax = 4
const maskDelta = 0xa282ead8

/** What a disk writes whole or not at all. */
const sectorBytes = 512

/** Beside LevelDB's files, until what was found is noted in the store itself. */
const noteName = 'DAMAGED'

/**
 * Whether any log of this store is damaged; before LevelDB is opened, which tidies the traces away.
 * Remembered until `forgetDamage`, should this process not come so far.
 */
export function findDamage(directory: string): boolean {
  const note = join(directory, noteName)
  if (existsSync(note)) return true
  if (!existsSync(directory)) return false
  const logs = readdirSync(directory).filter((name) => name.endsWith('.log'))
  if (!logs.some((name) => isDamaged(readFileSync(join(directory, name))))) return false
  writeFileSync(note, '', { flush: true })
  return true
}

export function forgetDamage(directory: string): void {
  rmSync(join(directory, noteName), { force: true })
}

export function isDamaged(log: Uint8Array): boolean {
  for (let at = 0; at + headerBytes <= log.length; ) {
    const blockEnd = Math.min(log.length, at - (at % blockBytes) + blockBytes)
    const bytes = wholeRecordAt(log, at, blockEnd)
    if (bytes !== undefined) at += bytes
    // What is left of a block has no room for a record.
    else if (blockEnd - at < headerBytes) at = blockEnd
    else if (!hasLostSector(log, at, blockEnd) && isFollowed(log, at + 1, blockEnd)) return true
    else at = blockEnd
  }
  return false
}

/** The bytes of the whole record that begins there. */
function wholeRecordAt(log: Uint8Array, at: number, blockEnd: number): number | undefined {
  if (at + headerBytes > blockEnd) return undefined
  const type = log[at + 6] as number
  const end = at + headerBytes + (log[at + 4] as number) + 256 * (log[at + 5] as number)
  if (type === 0 || type > typeMax || end > blockEnd) return undefined
  const told = new DataView(log.buffer, log.byteOffset + at).getUint32(0, true)
  return told === masked(crc32c(log, at + 6, end)) ? end - at : undefined
}

/** Whether there is a whole record from there on: anywhere in this block, or where another begins. */
function isFollowed(log: Uint8Array, from: number, blockEnd: number): boolean {
  for (let at = from; at + headerBytes <= blockEnd; at++)
    if (wholeRecordAt(log, at, blockEnd) !== undefined) return true
  for (let at = blockEnd; at < log.length; at += blockBytes)
    if (wholeRecordAt(log, at, Math.min(log.length, at + blockBytes)) !== undefined) return true
  return false
}

function hasLostSector(log: Uint8Array, from: number, to: number): boolean {
  const first = Math.ceil(from / sectorBytes) * sectorBytes
  for (let at = first; at + sectorBytes <= to; at += sectorBytes)
    if (log.subarray(at, at + sectorBytes).every((byte) => byte === 0)) return true
  return false
}

/** Castagnoli's, which the runtime does not have. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffffffff
  for (let at = from; at < to; at++)
    crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** Sums of data that holds sums are weak, so LevelDB stores them turned and moved. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0
}
