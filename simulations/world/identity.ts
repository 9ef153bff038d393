/** Who a simulated host is, and what its signature is worth. */
import type { PeerId, Signer, Verify } from '../../protocol/identity/peer-id.ts'
import { signerFromSeed, verify as verifyEd25519 } from '../../protocol/identity/peer-id.ts'
import { keyBehind } from './credentials.ts'
import type { SeededEntropy } from './entropy.ts'

/**
 * `real` hosts have Ed25519 keys, as in production. `plain` ones have ids made of their names, and
 * sign with a checksum: a changed byte is found, and a forger would not be, so they are for worlds
 * in which everybody is who they say. It makes a hundred thousand signatures a second of one core.
 */
export type IdentityKind = 'real' | 'plain'

export interface Identity {
  signer: Signer
  verify: Verify
  /** The key by which certificates know the host of that id. */
  keyOf(id: PeerId): PeerId
}

const seedBytes = 32
const signatureBytes = 64
const idLength = 52

export function identityOf(entropy: SeededEntropy, name: string, kind: IdentityKind): Identity {
  if (kind === 'real') {
    const seed = entropy.stream(`identity/${name}`).bytes(seedBytes)
    return { signer: signerFromSeed(seed), verify: verifyEd25519, keyOf: (id) => id }
  }
  const id = `sim-${name.padStart(idLength - 4, '0')}` as PeerId
  const signer = { id, sign: (bytes: Uint8Array) => checksum(id, bytes) }
  return { signer, verify: verifyChecksum, keyOf: keyBehind }
}

const verifyChecksum: Verify = (id, bytes, signature) => {
  if (signature.length !== signatureBytes) return false
  const expected = checksum(id, bytes)
  for (let i = 0; i < signatureBytes; i++) if (signature[i] !== expected[i]) return false
  return true
}

function checksum(id: PeerId, bytes: Uint8Array): Uint8Array {
  let low = 0x811c9dc5
  let high = 0x9747b28c
  for (let i = 0; i < id.length; i++) low = Math.imul(low ^ id.charCodeAt(i), 0x01000193)
  for (let i = 0; i < bytes.length; i++) {
    low = Math.imul(low ^ (bytes[i] as number), 0x01000193)
    high = Math.imul(high ^ low ^ (high >>> 13), 0x5bd1e995)
  }
  const signature = new Uint8Array(signatureBytes)
  putWord(signature, 0, low)
  putWord(signature, 4, high)
  return signature
}

/** The highest byte first. */
function putWord(bytes: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (24 - 8 * i)
}
