/**
 * What passes between an agent and somebody who is no peer and brings a stop to it: whoever has the
 * swarm key may knock, and the word itself says whether its bearer is heard. Each time that the word
 * is said, the agent answers who it is and who has obeyed as far as it knows.
 */
import { Credential } from '../identity/credential.ts'
import { certificateLimits } from '../identity/limits.ts'
import { field, type Infer, message, nested, repeated, text, uint } from '../wire/schema.ts'
import { estopLimits as limits } from './limits.ts'

export const visitPurpose = '/skein/stopping/1' as const

const VisitNode = message('VisitNode', {
  id: field(1, text(certificateLimits.keyBytesMax)),
  name: field(2, text(certificateLimits.nameBytesMax)),
  /** As membership has it. */
  state: field(3, text(16)),
  /** `silent`, or what it has answered. */
  answer: field(4, text(16)),
  killed: field(5, uint()),
  tookMs: field(6, uint()),
  why: field(7, text(64)),
})
export type VisitNode = Infer<typeof VisitNode>

export const VisitAnswer = message('VisitAnswer', {
  credential: field(1, nested(Credential)),
  /** What came of the word: `news`, `known` or `full`. */
  outcome: field(2, text(16)),
  /** Of the next word of its scope. */
  nextEpoch: field(3, uint()),
  nodes: repeated(4, nested(VisitNode), limits.peersMax),
})
export type VisitAnswer = Infer<typeof VisitAnswer>
