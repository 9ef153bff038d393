/** What agents ask each other in letting hosts in, and what the ledger keeps of the issuing key. */
import { Certificate } from '../../protocol/identity/certificate.ts'
import { Credential } from '../../protocol/identity/credential.ts'
import { certificateLimits, seedBytes } from '../../protocol/identity/limits.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { JoinRequest } from '../../protocol/joining/messages.ts'
import {
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  text,
  union,
} from '../../protocol/wire/schema.ts'

export const SERVICE = 'joining'

/** A key that makes certificates, with the one by which the root made it such a key. */
export const IssuingSeed = message('IssuingSeed', {
  seed: field(1, bytes(seedBytes)),
  certificate: field(2, nested(Certificate)),
})
export type IssuingSeed = Infer<typeof IssuingSeed>

const LettingQuestion = union('LettingQuestion', {
  /** From an agent that a host has asked. */
  letIn: [
    1,
    message('LetInQuestion', {
      joiner: field(1, text(certificateLimits.keyBytesMax)),
      nonce: field(2, bytes(joinLimits.nonceBytes)),
      request: field(3, nested(JoinRequest)),
    }),
  ],
  /** From an agent whose certificate ends soon: who it is, its connection says. */
  renew: [3, message('RenewQuestion', {})],
  /** From an agent that has an issuing key, to a leader that has none. */
  offer: [2, message('IssuerOffer', { issuer: field(1, nested(IssuingSeed)) })],
})
export type LettingQuestion = Infer<typeof LettingQuestion>

export const Question = message('LettingQuestionFrame', {
  question: field(1, nested(LettingQuestion)),
})

export const LettingAnswer = message('LettingAnswer', {
  credential: optional(1, nested(Credential)),
  why: optional(2, text(joinLimits.whyBytesMax)),
})
export type LettingAnswer = Infer<typeof LettingAnswer>

/** The issuing key in the ledger, under the mesh key, which voters have. */
export const ISSUING = 'issuing'
export const ISSUER_KEY = 'key'
export const aboutIssuer = 'issuing key'

/** To the key of a token, for whoever makes its text. */
export const aboutSwarmKey = 'swarm key for a join token'
