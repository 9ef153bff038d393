/**
 * What a host that wants to join and the agent that it asks say to each other, on a stream of its
 * own. The agent shows first who it is, so that the host believes the mesh before it says anything;
 * the host proves that it holds the token for this very connection. The token's key itself, like
 * every secret, stays where it is.
 */
import { Credential } from '../identity/credential.ts'
import { certificateLimits, meshIdLength, signatureBytes } from '../identity/limits.ts'
import type { MeshId } from '../identity/mesh-id.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { encode } from '../wire/codec.ts'
import {
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { joinLimits } from './limits.ts'

const { keyBytesMax, nameBytesMax } = certificateLimits

/** What is asked, and proven with the token's key. */
export const JoinRequest = message('JoinRequest', {
  /** Id of the token. */
  token: field(1, text(joinLimits.idLength)),
  /** What the host would be called, unless the token says it. */
  name: field(2, text(nameBytesMax)),
  signature: field(3, bytes(signatureBytes)),
})
export type JoinRequest = Infer<typeof JoinRequest>

export const JoinFrame = union('JoinFrame', {
  /** From the host: who is there? */
  knock: [1, message('JoinKnock', { version: field(1, uint()) })],
  /** From the agent: who it is, and what the request is to be signed with. */
  challenge: [
    2,
    message('JoinChallenge', {
      credential: field(1, nested(Credential)),
      nonce: field(2, bytes(joinLimits.nonceBytes)),
    }),
  ],
  request: [3, JoinRequest],
  answer: [
    4,
    message('JoinAnswer', {
      credential: optional(1, nested(Credential)),
      /** A `JoinRefusal` of now; newer agents may know more. */
      why: optional(2, text(joinLimits.whyBytesMax)),
    }),
  ],
})
export type JoinFrame = Infer<typeof JoinFrame>

/**
 * All that a stranger is told. `refused`: the token is unknown, spent, expired or taken back, or was
 * not proven; which of these, the audit log says.
 */
export const joinRefusals = ['refused', 'busy', 'unavailable'] as const
export type JoinRefusal = (typeof joinRefusals)[number]

const Signed = message('JoinSigned', {
  mesh: field(1, text(meshIdLength)),
  token: field(2, text(joinLimits.idLength)),
  joiner: field(3, text(keyBytesMax)),
  asked: field(4, text(keyBytesMax)),
  nonce: field(5, bytes(joinLimits.nonceBytes)),
  name: field(6, text(nameBytesMax)),
})

export interface JoinClaim {
  mesh: MeshId
  token: string
  /** Whose connection it is that asks, and whom it asks. */
  joiner: PeerId
  asked: PeerId
  nonce: Uint8Array
  name: string
}

const context = Buffer.from('skein join v1\n')

/** What the token's key signs: good on one connection, for one host, once. */
export function claimBytes(claim: JoinClaim): Uint8Array {
  return Buffer.concat([context, encode(Signed, { ...claim })])
}
