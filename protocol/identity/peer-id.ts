/**
 * The name that a peer cannot choose: the hash-free, base58 form of its Ed25519 public key, as
 * libp2p writes it (`12D3KooW…`). Whoever holds the id holds the key to check its signatures.
 * Which bytes are signed, and in what context, is for each message to say.
 */
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto'
import { assert } from '../assert.ts'
import { base58, fromBase58 } from './base58.ts'
import { keysKeptMax, publicKeyBytes, seedBytes, signatureBytes } from './limits.ts'

declare const peerIdBrand: unique symbol
export type PeerId = string & { readonly [peerIdBrand]: true }

/**
 * What stands before the key: identity multihash (0x00) of 36 bytes (0x24), which are libp2p's
 * protobuf for a public key: type (0x08) Ed25519 (0x01), data (0x12) of 32 bytes (0x20).
 */
const prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** Every id of an Ed25519 key is this many letters: the prefix fixes the magnitude. */
const peerIdLength = 52

export function peerIdFromPublicKey(raw: Uint8Array): PeerId {
  assert(raw.length === publicKeyBytes, 'an Ed25519 public key must be 32 bytes', {
    length: raw.length,
  })
  const whole = new Uint8Array(prefix.length + raw.length)
  whole.set(prefix)
  whole.set(raw, prefix.length)
  return base58(whole) as PeerId
}

/** Undefined for all but the id of an Ed25519 key, in the one way of writing it. */
export function parsePeerId(text: string): PeerId | undefined {
  return publicKeyIn(text) === undefined ? undefined : (text as PeerId)
}

function publicKeyIn(text: string): Uint8Array | undefined {
  if (text.length !== peerIdLength) return undefined
  const whole = fromBase58(text, prefix.length + publicKeyBytes)
  if (whole === undefined || whole.length !== prefix.length + publicKeyBytes) return undefined
  for (let i = 0; i < prefix.length; i++) if (whole[i] !== prefix[i]) return undefined
  return whole.subarray(prefix.length)
}

/** What precedes a raw key in the two DER forms that node:crypto reads (RFC 8410). */
const publicKeyPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface Signer {
  readonly id: PeerId
  sign(bytes: Uint8Array): Uint8Array
}

/** Whether `signature` over `bytes` is of the holder of the key that `id` names. */
export type Verify = (id: PeerId, bytes: Uint8Array, signature: Uint8Array) => boolean

interface ReadyKey {
  raw: Uint8Array
  key: KeyObject
}

/** Bounded by `keysKeptMax`: an entry is only a shortcut, so losing one costs time alone. */
const keys = new Map<PeerId, ReadyKey>()

/** The raw 32 bytes. Not to be written to. */
export function publicKeyOf(id: PeerId): Uint8Array {
  const ready = readyKey(id)
  assert(ready !== undefined, 'a peer id must have been parsed before its key is taken', { id })
  return ready.raw
}

/**
 * True when `signature` over `bytes` was made by the holder of the key that `id` names. False also
 * for an id that is none, since both may come from the same stranger.
 */
export function verify(id: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
  const ready = readyKey(id)
  if (ready === undefined || signature.length !== signatureBytes) return false
  return verifyBytes(null, bytes, ready.key, signature)
}

export function signerFromSeed(seed: Uint8Array): Signer {
  assert(seed.length === seedBytes, 'a seed must be 32 bytes', { length: seed.length })
  const key = createPrivateKey({
    key: Buffer.concat([privateKeyPrefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const id = peerIdFromPublicKey(spki.subarray(-publicKeyBytes))
  return { id, sign: (bytes) => new Uint8Array(signBytes(null, bytes, key)) }
}

/** As programs other than ours take it: PKCS #8 in PEM. */
export function privateKeyPem(seed: Uint8Array): string {
  const text = Buffer.concat([privateKeyPrefix, seed]).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`
}

function readyKey(id: PeerId): ReadyKey | undefined {
  const known = keys.get(id)
  if (known !== undefined) return known
  const raw = publicKeyIn(id)
  if (raw === undefined) return undefined
  const key = createPublicKey({
    key: Buffer.concat([publicKeyPrefix, raw]),
    format: 'der',
    type: 'spki',
  })
  const made = { raw, key }
  if (keys.size >= keysKeptMax) keys.delete(keys.keys().next().value as PeerId)
  keys.set(id, made)
  return made
}
