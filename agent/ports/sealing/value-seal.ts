/**
 * Seals values under one key, each bound to the place where it stands, so that none can be changed or
 * put in the place of another without being noticed.
 *
 * No nonce is used twice under a key: six bytes drawn when it is taken up, then a count.
 */
import { assert } from '../../../protocol/assert.ts'
import { sealingLimits } from '../../../protocol/identity/limits.ts'
import { openedUnder, sealedUnder } from '../../../protocol/identity/sealing.ts'

const { keyBytes, nonceBytes, tagBytes } = sealingLimits

export const sealKeyBytes = keyBytes
export const lifeBytes = 6
const countBytes = nonceBytes - lifeBytes
const countEnd = 2 ** (8 * countBytes)
/** What a value is longer by when it is sealed. */
export const sealBytes = nonceBytes + tagBytes

export class ValueSeal {
  readonly #key: Uint8Array
  readonly #life: Uint8Array
  #count = 0

  /** `life`: random bytes that no other user of this key has, nor this one before. */
  constructor(key: Uint8Array, life: Uint8Array) {
    assert(key.length === keyBytes, 'a key has 32 bytes', { bytes: key.length })
    assert(life.length === lifeBytes, 'a life has 6 bytes', { bytes: life.length })
    this.#key = key
    this.#life = life
  }

  seal(place: string, value: Uint8Array): Uint8Array {
    return sealedUnder(this.#key, value, place, this.#nextNonce())
  }

  /** Undefined when it was not sealed with this key, for this place, or was changed since. */
  open(place: string, sealed: Uint8Array): Uint8Array | undefined {
    return openedUnder(this.#key, sealed, place)
  }

  #nextNonce(): Uint8Array {
    assert(this.#count < countEnd, 'no nonce is used twice')
    const nonce = Buffer.alloc(nonceBytes)
    nonce.set(this.#life)
    nonce.writeUIntBE(this.#count++, lifeBytes, countBytes)
    return nonce
  }
}
