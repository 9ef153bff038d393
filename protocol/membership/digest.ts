/**
 * What a node says of itself. Two records, each written by its owner alone and passed on byte for
 * byte, so that a relay of an older version carries fields that it does not know:
 *
 * - the *digest*, small and signed, about once a second: incarnation, sequence, load, what it runs;
 * - the *profile*, when it changes: name, addresses, labels, what the host is. Its hash is in the
 *   digest, and so the digest's signature vouches for it.
 */

import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { AuditHead } from '../ledger/audit-heads.ts'
import { decode, encode } from '../wire/codec.ts'
import { isBool, quick } from '../wire/quick.ts'
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
const AnyLoadRecord = message('Load', {
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
  /** What it warns of itself (`warnings.ts`); absent where that is nothing. */
  warnings: optional(15, uint()),
})
export const LoadRecord = quick(AnyLoadRecord, (reader) => {
  const cpuPermille = reader.uintAt(0x08)
  const cores = reader.uintAt(0x10)
  const load1Hundredths = reader.uintAt(0x18)
  const memoryTotalBytes = reader.uintAt(0x20)
  const memoryUsedBytes = reader.uintAt(0x28)
  const swapUsedBytes = reader.uintAt(0x30)
  const diskTotalBytes = reader.uintAt(0x38)
  const diskAvailableBytes = reader.uintAt(0x40)
  const receivedBytesPerSecond = reader.uintAt(0x48)
  const sentBytesPerSecond = reader.uintAt(0x50)
  const temperatureDecicelsius = reader.uintAt(0x58)
  const agentCpuPermille = reader.uintAt(0x60)
  const agentResidentBytes = reader.uintAt(0x68)
  const loopLagMicros = reader.uintAt(0x70)
  const warnings = reader.uintAt(0x78)
  if (cores < 0 || memoryTotalBytes < 0 || memoryUsedBytes < 0) return undefined
  if (diskTotalBytes < 0 || diskAvailableBytes < 0) return undefined
  if (receivedBytesPerSecond < 0 || sentBytesPerSecond < 0) return undefined
  if (agentResidentBytes < 0 || loopLagMicros < 0) return undefined
  const load: Infer<typeof AnyLoadRecord> = {
    cores,
    memoryTotalBytes,
    memoryUsedBytes,
    diskTotalBytes,
    diskAvailableBytes,
    receivedBytesPerSecond,
    sentBytesPerSecond,
    agentResidentBytes,
    loopLagMicros,
  }
  if (cpuPermille >= 0) load.cpuPermille = cpuPermille
  if (load1Hundredths >= 0) load.load1Hundredths = load1Hundredths
  if (swapUsedBytes >= 0) load.swapUsedBytes = swapUsedBytes
  if (temperatureDecicelsius >= 0) load.temperatureDecicelsius = temperatureDecicelsius
  if (agentCpuPermille >= 0) load.agentCpuPermille = agentCpuPermille
  if (warnings >= 0) load.warnings = warnings
  return load
})
export type LoadRecord = Infer<typeof LoadRecord>

/** What a replica holds after an entry at which all take note. */
export const LedgerMark = message('LedgerMark', {
  index: field(1, uint()),
  digest: field(2, text(16)),
})

/** Where this host stands in the ledger: for people, for those who look for the leader, and for it. */
const markInside = nested(LedgerMark)
const auditInside = nested(AuditHead)
const AnyLedgerRecord = message('LedgerRecord', {
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
  mark: optional(9, markInside),
  /** The newest ledger version that its program understands. */
  supports: optional(10, uint()),
  /** The head of the audit log as held here, signed for those who keep it longer than the digest. */
  audit: optional(11, auditInside),
})
export const LedgerRecord = quick(AnyLedgerRecord, (reader) => {
  const storage = reader.uintAt(0x08)
  const leads = reader.uintAt(0x10)
  const votes = reader.uintAt(0x18)
  const term = reader.uintAt(0x20)
  const commit = reader.uintAt(0x28)
  const applied = reader.uintAt(0x30)
  if (storage < 0 || term < 0 || commit < 0 || applied < 0 || !reader.comes(0x3a)) return undefined
  const digest = reader.text(16)
  const stopped = reader.uintAt(0x40)
  if (!isBool(leads) || !isBool(votes) || !isBool(stopped)) return undefined
  const ledger: Infer<typeof AnyLedgerRecord> = {
    storage,
    leads: leads === 1,
    votes: votes === 1,
    term,
    commit,
    applied,
    digest,
    stopped: stopped === 1,
  }
  if (reader.comes(0x4a)) ledger.mark = markInside.read(reader)
  const supports = reader.uintAt(0x50)
  if (supports >= 0) ledger.supports = supports
  if (reader.comes(0x5a)) ledger.audit = auditInside.read(reader)
  return ledger
})
export type LedgerRecord = Infer<typeof LedgerRecord>

const loadInside = nested(LoadRecord)
const ledgerInside = nested(LedgerRecord)
const AnyDigest = message('Digest', {
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
  load: optional(12, loadInside),
  ledger: optional(13, ledgerInside),
})
export const Digest = quick(AnyDigest, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const owner = reader.text(128) as PeerId
  const incarnation = reader.uintAt(0x10)
  const sequence = reader.uintAt(0x18)
  const left = reader.uintAt(0x20)
  const wireVersion = reader.uintAt(0x28)
  if (incarnation < 0 || sequence < 0 || !isBool(left) || wireVersion < 0) return undefined
  if (!reader.comes(0x32)) return undefined
  const agentVersion = reader.text(32)
  if (!reader.comes(0x3a)) return undefined
  const profileHash = reader.view(16)
  if (!reader.comes(0x42)) return undefined
  const labelsHash = reader.view(8)
  const localHealth = reader.uintAt(0x48)
  const runningAttempts = reader.uintAt(0x50)
  const intervalMs = reader.uintAt(0x58)
  if (localHealth < 0 || runningAttempts < 0 || intervalMs < 0) return undefined
  const digest: Infer<typeof AnyDigest> = {
    owner,
    incarnation,
    sequence,
    left: left === 1,
    wireVersion,
    agentVersion,
    profileHash,
    labelsHash,
    localHealth,
    runningAttempts,
    intervalMs,
  }
  if (reader.comes(0x62)) digest.load = loadInside.read(reader)
  if (reader.comes(0x6a)) digest.ledger = ledgerInside.read(reader)
  return digest
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
  /** Why stages that ask for a sandbox cannot have one there. Absent: they can, or it does not say. */
  noSandbox: optional(11, text(160)),
  /** Why stages cannot have secrets as files there, likewise. */
  noSecretFiles: optional(12, text(160)),
})
export type Profile = Infer<typeof Profile>

/** A digest as it travels: the owner's bytes and the owner's signature over them. */
const AnySigned = message('Signed', {
  body: field(1, bytes(limits.digestBytesMax)),
  signature: field(2, bytes(64)),
})
export const Signed = quick(AnySigned, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const body = reader.view(limits.digestBytesMax)
  return reader.comes(0x12) ? { body, signature: reader.view(64) } : undefined
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

/** Signing and checking, as a key offers them: before they return, of bytes that then change. */
export interface SealKey {
  sign(bytes: Uint8Array): Uint8Array
  verify(owner: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean
}

export function sealWith(key: SealKey): Seal {
  return {
    seal(digest) {
      const body = encode(Digest, digest)
      assert(body.length <= limits.digestBytesMax, 'a digest of ours is one that others take')
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

/** Written anew for each: keys sign and check at once, and keep nothing of it. */
const signedText = new Uint8Array(digestContext.length + limits.digestBytesMax)
signedText.set(digestContext)

function inContext(body: Uint8Array): Uint8Array {
  signedText.set(body, digestContext.length)
  return signedText.subarray(0, digestContext.length + body.length)
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
