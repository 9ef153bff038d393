/**
 * What a node says of itself. Two records, each written by its owner alone and passed on byte for
 * byte, so that a relay of an older version carries fields that it does not know:
 *
 * - the *digest*, small and signed, about once a second: incarnation, sequence, load, what it runs;
 * - the *profile*, when it changes: name, addresses, labels, what the host is. Its hash is in the
 *   digest, and so the digest's signature vouches for it.
 */
import { createHash } from 'node:crypto'
import type { PeerId } from '../identity/peer-id.ts'
import { decode, encode } from '../wire/codec.ts'
import type { Infer } from '../wire/schema.ts'
import {
  bool,
  bytes,
  field,
  map,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
} from '../wire/schema.ts'
import { limits } from './limits.ts'

/** Shares are in thousandths, so that the record holds whole numbers only. */
export const LoadRecord = message('Load', {
  cpuPermille: optional(1, uint()),
  cores: field(2, uint()),
  load1Hundredths: optional(3, uint()),
  memoryTotalBytes: field(4, uint()),
  memoryUsedBytes: field(5, uint()),
  swapUsedBytes: optional(6, uint()),
  diskTotalBytes: field(7, uint()),
  diskAvailableBytes: field(8, uint()),
  receivedBytesPerSecond: field(9, uint()),
  sentBytesPerSecond: field(10, uint()),
  temperatureDecicelsius: optional(11, uint()),
  agentCpuPermille: optional(12, uint()),
  agentResidentBytes: field(13, uint()),
  loopLagMicros: field(14, uint()),
})
export type LoadRecord = Infer<typeof LoadRecord>

/** What a replica holds after an entry at which all take note. */
export const LedgerMark = message('LedgerMark', {
  index: field(1, uint()),
  digest: field(2, text(16)),
})

/** Where this host stands in the ledger: for people, for those who look for the leader, and for it. */
export const LedgerRecord = message('LedgerRecord', {
  /** The number of its disk, under which it may be made a voter. */
  storage: field(1, uint()),
  leads: field(2, bool()),
  votes: field(3, bool()),
  term: field(4, uint()),
  commit: field(5, uint()),
  applied: field(6, uint()),
  /** The start of the state’s digest at `applied`. */
  digest: field(7, text(16)),
  /** It has stopped, and somebody has to look after it. */
  stopped: field(8, bool()),
  /** The newest mark, for replicas that are never at one entry at one moment. */
  mark: optional(9, nested(LedgerMark)),
  /** The newest ledger version that its program understands. */
  supports: optional(10, uint()),
})
export type LedgerRecord = Infer<typeof LedgerRecord>

export const Digest = message('Digest', {
  owner: field(1, text<PeerId>(128)),
  incarnation: field(2, uint()),
  /** Grows with each digest of one incarnation. */
  sequence: field(3, uint()),
  left: field(4, bool()),
  wireVersion: field(5, uint()),
  agentVersion: field(6, text(32)),
  /** Of the packed profile; a node that holds another asks for the new one. */
  profileHash: field(7, bytes(16)),
  labelsHash: field(8, bytes(8)),
  localHealth: field(9, uint()),
  runningAttempts: field(10, uint()),
  /** How often the owner means to write, so that others know when its figures are late. */
  intervalMs: field(11, uint()),
  load: optional(12, nested(LoadRecord)),
  ledger: optional(13, nested(LedgerRecord)),
})
export type Digest = Infer<typeof Digest>

export const Profile = message('Profile', {
  owner: field(1, text<PeerId>(128)),
  name: field(2, text(128)),
  addresses: repeated(3, text(256), 16),
  labels: map(4, text(64), text(256), 64),
  agentVersion: field(5, text(32)),
  platform: field(6, text(64)),
  cores: field(7, uint()),
  memoryBytes: field(8, uint()),
  /** A bootstrap hint only: order among profiles of one owner is the digest's business. */
  incarnation: field(9, uint()),
  /** Of work, at once; 0 for a host that takes none. Absent: an older agent, which does not say. */
  attemptsMax: optional(10, uint()),
})
export type Profile = Infer<typeof Profile>

/** A digest as it travels: the owner's bytes and the owner's signature over them. */
export const Signed = message('Signed', {
  body: field(1, bytes(limits.digestBytesMax)),
  signature: field(2, bytes(64)),
})
export type Signed = Infer<typeof Signed>

/** What membership needs of keys: to sign its own records, and to open those of others. */
export interface Seal {
  seal(digest: Digest): Signed
  /** The digest in a record, once its owner's signature has been checked. */
  openDigest(signed: Signed): Digest | BadRecord
  openProfile(packed: Uint8Array): OpenedProfile | undefined
}

export type BadRecord = 'garbled' | 'forged'

/** A profile needs no signature: it is believed when its owner's signed digest holds its hash. */
export interface OpenedProfile {
  profile: Profile
  hash: Uint8Array
}

/** Signing and checking, as a key offers them. */
export interface SealKey {
  sign(bytes: Uint8Array): Uint8Array
  verify(owner: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean
}

export function sealWith(key: SealKey): Seal {
  return {
    seal(digest) {
      const body = encode(Digest, digest)
      return { body, signature: key.sign(inContext(body)) }
    },
    openDigest(signed) {
      if (signed.body.length > limits.digestBytesMax) return 'garbled'
      const read = decode(Digest, signed.body)
      if (!read.ok) return 'garbled'
      const genuine = key.verify(read.value.owner, inContext(signed.body), signed.signature)
      return genuine ? read.value : 'forged'
    },
    openProfile(packed) {
      const read = decode(Profile, packed)
      return read.ok ? { profile: read.value, hash: profileHash(packed) } : undefined
    },
  }
}

/** What the signature is for, so that it can never pass for a word on anything else. */
const digestContext = new TextEncoder().encode('skein digest v1\n')

function inContext(body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(digestContext.length + body.length)
  whole.set(digestContext)
  whole.set(body, digestContext.length)
  return whole
}

export function packProfile(profile: Profile): Uint8Array {
  return encode(Profile, profile)
}

export function profileHash(packed: Uint8Array): Uint8Array {
  return createHash('sha256').update(packed).digest().subarray(0, 16)
}

export function labelsHash(labels: Readonly<Record<string, string>>): Uint8Array {
  const hash = createHash('sha256')
  for (const key of Object.keys(labels).sort()) hash.update(`${key}\0${labels[key]}\0`)
  return hash.digest().subarray(0, 8)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
