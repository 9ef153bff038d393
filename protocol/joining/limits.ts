/** How much a join token may grant and carry, and how large what is said in joining may be. */
import { assert } from '../assert.ts'
import { certificateLimits } from '../identity/limits.ts'
import { stateLimits } from '../ledger/limits.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

export const joinLimits = {
  /** A person has to carry it to the other host. */
  ttlMsMin: minuteMs,
  ttlMsDefault: 60 * minuteMs,
  /** Images that bring a token along are made anew in this time. */
  ttlMsMax: 30 * dayMs,
  /** A rack, or several: whoever has more hosts makes several tokens. */
  usesMax: 256,
  labelsMax: 32,
  /** Agents to ask. Any one of them that lives is enough. */
  addressesMax: 8,
  addressBytesMax: 256,
  /** Of the token as text: with all addresses at their longest it is about 3,000 letters. */
  textLengthMax: 4_096,
  /** Hex digits by which people and the ledger call a token: 128 bits. */
  idLength: 32,
  nonceBytes: 32,
  whyBytesMax: 32,
  /** Of one frame in joining: two certificates, and what surrounds them. */
  frameBytesMax: 32 * 1024,
} as const

/** Id, serial, name and time of one who has used a token, with what surrounds them. */
const userBytesMax = 64 + certificateLimits.serialLength + certificateLimits.nameBytesMax + 32

assert(
  (joinLimits.addressesMax * (joinLimits.addressBytesMax + 8) + 128) * 1.4 <
    joinLimits.textLengthMax,
  'the longest token must fit',
)
assert(
  joinLimits.usesMax * userBytesMax < stateLimits.kvValueBytesMax,
  'who has used a token must fit a row of the ledger',
)
assert(
  joinLimits.frameBytesMax > 2 * certificateLimits.bodyBytesMax + 2 * 512,
  'a credential must fit a frame',
)
assert(
  joinLimits.labelsMax * (stateLimits.labelNameBytesMax + stateLimits.labelValueBytesMax + 16) <
    certificateLimits.bodyBytesMax * 2 && joinLimits.labelsMax <= certificateLimits.labelsMax,
  'labels of a token are those of a certificate',
)
