/** Sizes that identity rests on: those of Ed25519 and of libp2p's private networks. */
import { assert } from '../assert.ts'

export const publicKeyBytes = 32
export const seedBytes = 32
export const signatureBytes = 64
export const swarmKeyBytes = 32

/**
 * Public keys kept ready for checking signatures, about 1 KiB each. When full, the one that was
 * taken in first goes. A mesh within the limit parses each key once.
 */
export const keysKeptMax = 4096

/** Certificates whose signature was found good, about 1 KiB each. */
export const signaturesKeptMax = 2048

/** Hex digits by which people tell meshes apart: 64 bits, for eyes and not for trust. */
export const meshFingerprintLength = 16

/** Hex digits of a mesh's id: a whole SHA-256. */
export const meshIdLength = 64

export const certificateLimits = {
  /** 128 bits, in hex: never drawn twice. */
  serialLength: 32,
  /** Of a key as text; a peer id is shorter. */
  keyBytesMax: 128,
  nameBytesMax: 128,
  roleBytesMax: 16,
  rolesMax: 8,
  labelBytesMax: 256,
  labelsMax: 64,
  bodyBytesMax: 8 * 1024,
} as const

export const credentialLimits = {
  /** How far the clock of whoever signs may be ahead of ours. */
  clockSkewMsMax: 5 * 60_000,
} as const

const dayMs = 86_400_000

/** How long certificates are good for. Peers renew theirs by themselves; the others are people's affair. */
export const lifetimes = {
  issuerMs: 2 * 365 * dayMs,
  personMs: 365 * dayMs,
  /** A host that was away for longer must join anew. */
  peerMs: 30 * dayMs,
  /** A peer's certificate is renewed when less than this is left of it. */
  peerRenewalMs: 15 * dayMs,
} as const

export const envelopeLimits = {
  verbBytesMax: 64,
  /** A workflow's text is the largest thing that people send. */
  payloadBytesMax: 4 * 1024 * 1024,
  bodyBytesMax: 4 * 1024 * 1024 + 4 * 1024,
  /** 128 bits. */
  nonceBytes: 16,
  /** A command is for now. What is to happen later is a trigger, not an envelope kept in a drawer. */
  lifeMsMax: 10 * 60_000,
  clockSkewMsMax: 60_000,
} as const

/** Of what is taken back for good, with the command by which it was. */
export const revocationLimits = {
  reasonBytesMax: 1_024,
  /** With the two certificates of whoever signed. */
  envelopeBytesMax: 24 * 1024,
  pathBytesMax: 512,
  bodyBytesMax: 4 * 1024,
  wordBytesMax: 32 * 1024,
} as const

export const tokenLimits = {
  /** A stolen one is of no use for longer. */
  lifeMsMax: 60_000,
  clockSkewMsMax: 60_000,
  /** A token with two certificates takes about 2,000 characters. */
  lengthMax: 8 * 1024,
} as const

/** Of public keys as SSH writes them: type, 68 letters, and what their owner calls them. */
export const sshKeyLimits = { lineLengthMax: 1_024 } as const

/** Of values that are sealed: those of AES-256-GCM, and what is drawn for each. */
export const sealingLimits = {
  keyBytes: 32,
  nonceBytes: 12,
  tagBytes: 16,
  chanceBytes: seedBytes + 12,
} as const

/** Of keys under a passphrase: 2^15 rounds of scrypt, as its author asks for where a person waits. */
export const keyFileLimits = {
  saltBytes: 16,
  sealNonceBytes: 12,
  tagBytes: 16,
  cost: 2 ** 15,
  blockSize: 8,
  memoryBytesMax: 64 * 1024 * 1024,
} as const

assert(
  128 * keyFileLimits.cost * keyFileLimits.blockSize < keyFileLimits.memoryBytesMax,
  'stretching a passphrase must fit the memory it is given',
)
assert(
  envelopeLimits.bodyBytesMax > envelopeLimits.payloadBytesMax + 2 * certificateLimits.nameBytesMax,
  'an envelope must hold its payload',
)
assert(
  revocationLimits.wordBytesMax >
    revocationLimits.envelopeBytesMax +
      revocationLimits.pathBytesMax +
      revocationLimits.bodyBytesMax +
      64,
  'what is said of a revocation must fit',
)
assert(keysKeptMax > 0, 'keys must be kept')
assert(meshFingerprintLength <= 64, 'a fingerprint must fit the digest')
assert(
  lifetimes.peerRenewalMs < lifetimes.peerMs && lifetimes.peerMs < lifetimes.issuerMs,
  'a peer renews its certificate before it ends, and most often by the same issuing key',
)
