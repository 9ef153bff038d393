/** What agents tell each other about the swarm key, and what the ledger keeps of it. */
import { certificateLimits, publicKeyBytes } from '../../protocol/identity/limits.ts'
import { stateLimits } from '../../protocol/ledger/limits.ts'
import {
  bytes,
  field,
  type Infer,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { swarmLimits } from './limits.ts'

const { keyBytesMax } = certificateLimits
/** A key of 32 bytes and what sealing adds, with room. */
const sealedBytesMax = 128
const fingerprintBytesMax = 64

export const SERVICE = 'swarm-key'

const SwarmQuestion = union('SwarmQuestion', {
  /** From whoever leads: come so far. With the key for those that have said that they lack it. */
  come: [
    1,
    message('ComeQuestion', {
      madeMs: field(1, uint()),
      step: field(2, uint()),
      sealed: optional(3, bytes(sealedBytesMax)),
    }),
  ],
  /** To whoever leads, from an agent that a person has asked: how far everybody is. */
  progress: [2, message('ProgressQuestion', {})],
})
export type SwarmQuestion = Infer<typeof SwarmQuestion>

export const Question = message('SwarmQuestionFrame', {
  question: field(1, nested(SwarmQuestion)),
})

export const SwarmStanding = message('SwarmStanding', {
  madeMs: field(1, uint()),
  step: field(2, uint()),
  older: field(3, uint()),
  /** To what the key is to be sealed. */
  sealing: field(4, bytes(publicKeyBytes)),
})
export type SwarmStanding = Infer<typeof SwarmStanding>

const HostProgress = message('HostProgress', {
  id: field(1, text(keyBytesMax)),
  /** Whether it could be asked. */
  here: field(2, uint()),
  /** Absent: not heard of yet. Less than asked for: it has not come so far. */
  step: optional(3, uint()),
  older: optional(4, uint()),
})

export const SwarmProgress = message('SwarmProgress', {
  madeMs: field(1, uint()),
  step: field(2, uint()),
  sinceMs: field(3, uint()),
  by: field(4, text(stateLimits.noteBytesMax)),
  was: field(5, text(fingerprintBytesMax)),
  now: field(6, text(fingerprintBytesMax)),
  hosts: repeated(7, nested(HostProgress), swarmLimits.hostsMax),
})
export type SwarmProgress = Infer<typeof SwarmProgress>

export const SwarmAnswer = message('SwarmAnswer', {
  standing: optional(1, nested(SwarmStanding)),
  progress: optional(2, nested(SwarmProgress)),
})
export type SwarmAnswer = Infer<typeof SwarmAnswer>

export const NAMESPACE = 'swarm'
/** Written by people: that there is to be another key, and that the old one is to go. */
export const WISH_PREFIX = 'wish/'
export const ROTATE_WISH = `${WISH_PREFIX}rotate`
export const FINISH_WISH = `${WISH_PREFIX}finish`
/** Written by whoever leads. */
export const KEY_ROW = 'key'

export const SwarmWish = message('SwarmWish', {
  /** The key that it was said of: a wish about another one means nothing any more. */
  madeMs: field(1, uint()),
  by: field(2, text(stateLimits.noteBytesMax)),
  atMs: field(3, uint()),
})
export type SwarmWish = Infer<typeof SwarmWish>

export const SwarmRow = message('SwarmRow', {
  madeMs: field(1, uint()),
  step: field(2, uint()),
  sinceMs: field(3, uint()),
  by: field(4, text(stateLimits.noteBytesMax)),
  /** Fingerprints, for people. */
  was: field(5, text(fingerprintBytesMax)),
  now: field(6, text(fingerprintBytesMax)),
  /** Under the mesh key, which voters have. */
  sealed: field(7, bytes(sealedBytesMax)),
})
export type SwarmRow = Infer<typeof SwarmRow>

export const aboutKept = (madeMs: number) => `swarm key ${madeMs}`
/** For a person, who needs it where peers are reached past their control APIs. */
export const aboutCopy = 'copy of the swarm key'
export const aboutTold = (madeMs: number) => `swarm key ${madeMs} for a host`
