/**
 * How a new issuing key gets from the person who made it to whoever leads: sealed, so that the agents
 * that it passes on its way carry what they cannot open. Whoever leads says to what it is to be
 * sealed, signed with the key of its host; whoever seals looks at that, and that it is a coordinator,
 * since coordinators are whom the mesh trusts with that key anyway.
 */
import { believe, type Credential } from '../../protocol/identity/credential.ts'
import { publicKeyBytes } from '../../protocol/identity/limits.ts'
import type { MeshId } from '../../protocol/identity/mesh-id.ts'
import { type Signer, verify } from '../../protocol/identity/peer-id.ts'
import { hasRole } from '../../protocol/identity/roles.ts'
import { type SealingKey, sealedTo } from '../../protocol/identity/sealing.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { IssuingSeed } from './wire.ts'

/** To what a new issuing key is to be sealed, and who says so. */
export interface Reception {
  readonly credential: Credential
  readonly sealing: Uint8Array
  readonly signature: Uint8Array
}

const aboutNewIssuer = 'new issuing key'
const context = Buffer.from('skein reception of an issuing key v1\n')

export function receptionOf(credential: Credential, signer: Signer, own: SealingKey): Reception {
  const { publicKey: sealing } = own
  return { credential, sealing, signature: signer.sign(signedBytes(sealing)) }
}

/** Undefined where that is not said by a coordinator of this mesh. */
export function sealedForReception(
  { credential, sealing, signature }: Reception,
  given: IssuingSeed,
  { mesh, nowMs, chance }: { mesh: MeshId; nowMs: number; chance: Uint8Array },
): Uint8Array | undefined {
  const judged = believe(credential, { mesh, isRevoked: () => false }, nowMs)
  if (!judged.ok || sealing.length !== publicKeyBytes) return undefined
  const { kind, roles, subject } = judged.holder
  const isCoordinator = kind === 'peer' && hasRole(roles, ['coordinator'])
  if (!isCoordinator || !verify(subject, signedBytes(sealing), signature)) return undefined
  return sealedTo(sealing, encode(IssuingSeed, given), aboutNewIssuer, chance)
}

/** Undefined for what was not sealed to this key. */
export function openedAtReception(own: SealingKey, sealed: Uint8Array): IssuingSeed | undefined {
  const bytes = own.open(sealed, aboutNewIssuer)
  const given = bytes && decode(IssuingSeed, bytes)
  return given?.ok ? given.value : undefined
}

function signedBytes(sealing: Uint8Array): Uint8Array {
  return Buffer.concat([context, sealing])
}
