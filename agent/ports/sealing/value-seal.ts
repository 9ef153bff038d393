/**
 * Seals values under one key (AES-256-GCM), each bound to the place where it stands, so that none can
 * be changed or put in the place of another without being noticed.
 *
 * No nonce is used twice under a key: six bytes drawn when it is taken up, then a count.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { assert } from '../../../protocol/assert.ts'

export const sealKeyBytes = 32
export const lifeBytes = 6

const algorithm = 'aes-256-gcm'
const format = 1
const countBytes = 6
const countEnd = 2 ** (8 * countBytes)
const tagBytes = 16
const nonceEnd = 1 + lifeBytes + countBytes
/** What a value is longer by when it is sealed. */
export const sealBytes = nonceEnd + tagBytes

export class ValueSeal {
  readonly #key: KeyObject
  readonly #life: Uint8Array
  #count = 0

  /** `life`: random bytes that no other user of this key has, nor this one before. */
  constructor(key: Uint8Array, life: Uint8Array) {
    assert(key.length === sealKeyBytes, 'a key has 32 bytes', { bytes: key.length })
    assert(life.length === lifeBytes, 'a life has 6 bytes', { bytes: life.length })
    this.#key = createSecretKey(key)
    this.#life = life
  }

  seal(place: string, value: Uint8Array): Uint8Array {
    assert(this.#count < countEnd, 'no nonce is used twice')
    const sealed = Buffer.allocUnsafe(value.length + sealBytes)
    sealed[0] = format
    sealed.set(this.#life, 1)
    sealed.writeUIntBE(this.#count++, 1 + lifeBytes, countBytes)
    const nonce = sealed.subarray(1, nonceEnd)
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(Buffer.from(place))
    sealed.set(cipher.update(value), nonceEnd)
    cipher.final()
    sealed.set(cipher.getAuthTag(), nonceEnd + value.length)
    return sealed
  }

  /** Undefined when it was not sealed with this key, for this place, or was changed since. */
  open(place: string, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < sealBytes || sealed[0] !== format) return undefined
    const end = sealed.length - tagBytes
    const decipher = createDecipheriv(algorithm, this.#key, sealed.subarray(1, nonceEnd))
      .setAAD(Buffer.from(place))
      .setAuthTag(sealed.subarray(end))
    const value = decipher.update(sealed.subarray(nonceEnd, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
}
