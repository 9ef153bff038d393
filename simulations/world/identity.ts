/** Who a simulated host is. */
import type { PeerId, Signer } from '../../protocol/identity/peer-id.ts'
import { signerFromSeed } from '../../protocol/identity/peer-id.ts'
import type { SeededEntropy } from './entropy.ts'

/**
 * `real` hosts have Ed25519 keys, and what they sign can be verified. `plain` ones have ids made of
 * their names: a thousand of them cost nothing, and their signatures are blank and verify nowhere.
 */
export type IdentityKind = 'real' | 'plain'

const seedBytes = 32
const signatureBytes = 64
const idLength = 52

export function identityOf(entropy: SeededEntropy, name: string, kind: IdentityKind): Signer {
  if (kind === 'real') return signerFromSeed(entropy.stream(`identity/${name}`).bytes(seedBytes))
  const id = `sim-${name.padStart(idLength - 4, '0')}` as PeerId
  return { id, sign: () => new Uint8Array(signatureBytes) }
}
