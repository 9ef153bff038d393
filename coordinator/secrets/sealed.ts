/**
 * How a value stands in the ledger under a mesh key: with the id of that key, so that whoever opens it
 * knows which one it takes, and whoever makes another key sees what is left under the one before.
 */
import { createHash } from 'node:crypto'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { bytes, field, message, optional, text, uint } from '../../protocol/wire/schema.ts'

declare const meshKeyBrand: unique symbol
export type MeshKeyId = string & { readonly [meshKeyBrand]: true }

/** 64 bits: keys of one mesh are told apart by it, and it tells nothing of the key. */
export const meshKeyIdLength = 16

/** Of keys that were made before keys had an id; what stands under one may not say so. */
export const unnamedKey = 'unnamed' as MeshKeyId

/** Of the key itself: nobody can give out another one under this id. */
export function meshKeyIdOf(key: Uint8Array): MeshKeyId {
  const digest = createHash('sha256').update('skein mesh key v1\n').update(key).digest('hex')
  return digest.slice(0, meshKeyIdLength) as MeshKeyId
}

const Sealed = message('SealedUnderMeshKey', {
  key: field(1, text(meshKeyIdLength)),
  sealed: field(2, bytes(stateLimits.kvValueBytesMax)),
  resealed: optional(3, uint()),
})

export interface Sealing {
  key: MeshKeyId
  /** Under that key. */
  sealed: Uint8Array
  /** It stood under another key before: whoever had that one may have read it. */
  isResealed: boolean
}

export function packSealing({ key, sealed, isResealed }: Sealing): Uint8Array {
  return encode(Sealed, { key, sealed, ...(isResealed ? { resealed: 1 } : {}) })
}

const idForm = new RegExp(`^([0-9a-f]{${meshKeyIdLength}}|${unnamedKey})$`)

/** What was sealed before keys had an id begins with a nonce, which looks like no id by any chance. */
export function sealingIn(packed: Uint8Array): Sealing {
  const read = decode(Sealed, packed)
  if (!read.ok || !idForm.test(read.value.key)) {
    return { key: unnamedKey, sealed: packed, isResealed: false }
  }
  const { key, sealed, resealed } = read.value
  return { key: key as MeshKeyId, sealed, isResealed: resealed !== undefined }
}
