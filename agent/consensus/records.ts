/**
 * What consensus keeps on the disk, record by record. Each begins with a checksum over its key and
 * its bytes, so that a flipped bit, a torn value and a record under the wrong key are all seen.
 */
import { crc32 } from 'node:zlib'
import { wireLimits } from '../../protocol/consensus/limits.ts'
import { Entry } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { decode, encodeBehindBriefly } from '../../protocol/wire/codec.ts'
import type { Infer, Schema } from '../../protocol/wire/schema.ts'
import {
  field,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../../protocol/wire/schema.ts'
import { hardStateKey } from './keys.ts'

/** Drawn when the disk was first used: a disk that comes back empty is another disk. */
export const Identity = message('Identity', { storage: field(1, uint()) })

export const HardRecord = message('HardRecord', {
  term: field(1, uint()),
  vote: optional(2, text<PeerId>(wireLimits.peerIdBytesMax)),
  commit: field(3, uint()),
  promisedIndex: field(4, uint()),
  promisedTerm: field(5, uint()),
})
export type HardRecord = Infer<typeof HardRecord>

/** A run of entries: everything from `firstIndex` on that an earlier block holds is void. */
export const Block = message('Block', {
  firstIndex: field(1, uint()),
  entries: repeated(2, nested(Entry), wireLimits.entriesPerAppendMax),
})
export type Block = Infer<typeof Block>

const CHECKSUM_BYTES = 4

export function seal(key: string, body: Uint8Array): Uint8Array {
  const record = new Uint8Array(CHECKSUM_BYTES + body.length)
  record.set(body, CHECKSUM_BYTES)
  return sealed(key, record)
}

/** Puts the checksum of what follows it at the beginning of the record. */
function sealed(key: string, record: Uint8Array): Uint8Array {
  const checksum = checksumOf(key, record.subarray(CHECKSUM_BYTES))
  record[0] = checksum >>> 24
  record[1] = checksum >>> 16
  record[2] = checksum >>> 8
  record[3] = checksum
  return record
}

/** The body, or undefined for a record that is not whole. */
export function unseal(key: string, record: Uint8Array): Uint8Array | undefined {
  if (record.length < CHECKSUM_BYTES) return undefined
  const body = record.subarray(CHECKSUM_BYTES)
  const told = new DataView(record.buffer, record.byteOffset).getUint32(0)
  return told === checksumOf(key, body) ? body : undefined
}

export function sealMessage<T>(key: string, schema: Schema<T>, value: NoInfer<T>): Uint8Array {
  return sealed(key, encodeBehindBriefly(CHECKSUM_BYTES, schema, value))
}

export function unsealMessage<T>(
  key: string,
  schema: Schema<T>,
  record: Uint8Array | undefined,
): T | undefined {
  const body = record && unseal(key, record)
  const read = body && decode(schema, body)
  return read?.ok ? read.value : undefined
}

/** Of the key under which something is written with every batch. */
const ofHardStateKey = crc32(hardStateKey)

function checksumOf(key: string, body: Uint8Array): number {
  return crc32(body, key === hardStateKey ? ofHardStateKey : crc32(key))
}
