/**
 * Values that only one peer can open, or only those who share a key: X25519, HKDF and AES-256-GCM.
 * `about` says what a sealed value is, and is checked when it is opened: one that was put in another's
 * place does not open. All chance is given by the caller.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { assert } from '../assert.ts'
import { publicKeyBytes, sealingLimits, seedBytes } from './limits.ts'
import type { Signer } from './peer-id.ts'

const { nonceBytes, tagBytes, keyBytes } = sealingLimits
const cipher = 'aes-256-gcm'
const context = 'skein seal v1\n'
const agreement = 'skein agreement v1\n'

/** What precedes a raw key in the two DER forms that node:crypto reads (RFC 8410). */
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex')
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')

export interface SealingKey {
  /** To be told to those who seal something for its holder. */
  readonly publicKey: Uint8Array
  /** Undefined for what was not sealed to this key, or for something else, or was changed. */
  open(sealed: Uint8Array, about: string): Uint8Array | undefined
  /** Undefined for what is no key. */
  agreedWith(other: Uint8Array): Agreement | undefined
}

/**
 * What two come by, each of its own key and the other's public key, and nobody else does. The same
 * for both, and another one for whatever else it is `about`.
 */
export type Agreement = (about: string) => Uint8Array

export function sealingKeyFrom(seed: Uint8Array): SealingKey {
  assert(seed.length === seedBytes, 'a seed must be 32 bytes', { length: seed.length })
  const privateKey = createPrivateKey({
    key: Buffer.concat([privatePrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const publicKey = rawOf(createPublicKey(privateKey))
  return {
    publicKey,
    agreedWith: (other) => {
      const shared = sharedSecret(privateKey, other)
      if (shared === undefined) return undefined
      const both = Buffer.concat([publicKey, other].sort(Buffer.compare))
      return (about) => derivedKey(shared, both, agreement + about)
    },
    open: (sealed, about) => {
      const sender = sealed.subarray(0, publicKeyBytes)
      if (sender.length < publicKeyBytes) return undefined
      const key = agreedKey(privateKey, sender, publicKey, sender)
      return key && openedUnder(key, sealed.subarray(publicKeyBytes), about)
    },
  }
}

/**
 * A peer's own, made of its identity: signatures of Ed25519 are the same each time, and this one is
 * given to nobody, so that it is a secret that only the holder of the identity can come by.
 */
export function sealingKeyOf(signer: Signer): SealingKey {
  const secret = signer.sign(Buffer.from('skein sealing key v1\n'))
  return sealingKeyFrom(new Uint8Array(hkdfSync('sha256', secret, '', context, seedBytes)))
}

/** Anybody's: what it agrees on with others is no secret. */
const anyKey = createPrivateKey({
  key: Buffer.concat([privatePrefix, new Uint8Array(seedBytes).fill(1)]),
  format: 'der',
  type: 'pkcs8',
})

/** Whether something can be sealed to it: not to bytes that are no key, which somebody may have told. */
export function isSealable(publicKey: Uint8Array): boolean {
  if (publicKey.length !== publicKeyBytes) return false
  return sharedSecret(anyKey, publicKey) !== undefined
}

/** `chance`: never used before, 32 bytes for a key of one use and the nonce behind them. */
export function sealedTo(
  publicKey: Uint8Array,
  value: Uint8Array,
  about: string,
  chance: Uint8Array,
): Uint8Array {
  assert(chance.length === sealingLimits.chanceBytes, 'chance must be given', {
    length: chance.length,
  })
  const once = createPrivateKey({
    key: Buffer.concat([privatePrefix, chance.subarray(0, seedBytes)]),
    format: 'der',
    type: 'pkcs8',
  })
  const sender = rawOf(createPublicKey(once))
  const key = agreedKey(once, publicKey, publicKey, sender)
  assert(key !== undefined, 'a key to seal to must be one')
  return Buffer.concat([sender, sealedUnder(key, value, about, chance.subarray(seedBytes))])
}

export function sealedUnder(
  key: Uint8Array,
  value: Uint8Array,
  about: string,
  nonce: Uint8Array,
): Uint8Array {
  assert(key.length === keyBytes && nonce.length === nonceBytes, 'key and nonce must be whole')
  const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(context + about))
  const text = Buffer.concat([sealing.update(value), sealing.final()])
  return Buffer.concat([nonce, text, sealing.getAuthTag()])
}

export function openedUnder(
  key: Uint8Array,
  sealed: Uint8Array,
  about: string,
): Uint8Array | undefined {
  if (sealed.length < nonceBytes + tagBytes || key.length !== keyBytes) return undefined
  const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceBytes))
    .setAAD(Buffer.from(context + about))
    .setAuthTag(sealed.subarray(-tagBytes))
  try {
    const text = opening.update(sealed.subarray(nonceBytes, -tagBytes))
    return new Uint8Array(Buffer.concat([text, opening.final()]))
  } catch {
    return undefined
  }
}

function agreedKey(
  privateKey: KeyObject,
  other: Uint8Array,
  receiver: Uint8Array,
  sender: Uint8Array,
): Uint8Array | undefined {
  const shared = sharedSecret(privateKey, other)
  return shared && derivedKey(shared, Buffer.concat([sender, receiver]), context)
}

/** Undefined for bytes that are no key, or one to which any secret would be the same. */
function sharedSecret(privateKey: KeyObject, other: Uint8Array): Uint8Array | undefined {
  try {
    const key = Buffer.concat([publicPrefix, other])
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    return diffieHellman({ privateKey, publicKey })
  } catch {
    return undefined
  }
}

function derivedKey(shared: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', shared, salt, info, keyBytes))
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-publicKeyBytes))
}
