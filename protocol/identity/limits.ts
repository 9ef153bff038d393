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

/** Hex digits by which people tell meshes apart: 64 bits, for eyes and not for trust. */
export const meshFingerprintLength = 16

assert(keysKeptMax > 0, 'keys must be kept')
assert(meshFingerprintLength <= 64, 'a fingerprint must fit the digest')
