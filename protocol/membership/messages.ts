/** What members say to each other. News rides on every probe and answer; the rest is repair. */
import type { PeerId } from '../identity/peer-id.ts'
import { quick } from '../wire/quick.ts'
import type { Infer } from '../wire/schema.ts'
import {
  bytes,
  field,
  message,
  nested,
  optional,
  repeated,
  text,
  uint,
  union,
} from '../wire/schema.ts'
import { Signed } from './digest.ts'
import { limits } from './limits.ts'

/** One member's word on another: it does not answer (suspect) or it is gone (dead). */
export const Claim = message('Claim', {
  about: field(1, text<PeerId>(128)),
  /** 1 suspect, 2 dead. Other values are a newer version's and are passed over. */
  rank: field(2, uint()),
  incarnation: field(3, uint()),
  by: field(4, text<PeerId>(128)),
  /** Time since the question that was left unanswered, as far as the bearers know. */
  ageMs: optional(5, uint()),
})
export type Claim = Infer<typeof Claim>

const signedInside = nested(Signed)
/**
 * A digest on its way. Owner, incarnation and sequence are repeated outside so that old news is
 * passed over without being opened; whoever lies there only wastes its own breath.
 */
const AnyCarriedDigest = message('CarriedDigest', {
  owner: field(1, text<PeerId>(128)),
  incarnation: field(2, uint()),
  sequence: field(3, uint()),
  signed: field(4, signedInside),
  /** Time since its owner wrote it, as far as the bearers know: no calendar is trusted. */
  ageMs: field(5, uint()),
})
export const CarriedDigest = quick(AnyCarriedDigest, (reader) => {
  if (!reader.comes(0x0a)) return undefined
  const owner = reader.text(128) as PeerId
  const incarnation = reader.uintAt(0x10)
  const sequence = reader.uintAt(0x18)
  if (incarnation < 0 || sequence < 0 || !reader.comes(0x22)) return undefined
  const signed = signedInside.read(reader)
  const ageMs = reader.uintAt(0x28)
  return ageMs < 0 ? undefined : { owner, incarnation, sequence, signed, ageMs }
})
export type CarriedDigest = Infer<typeof CarriedDigest>

const claimInside = nested(Claim)
const digestInside = nested(CarriedDigest)
const AnyNews = message('News', {
  claims: repeated(1, claimInside, limits.claimsPerFrameMax),
  digests: repeated(2, digestInside, limits.digestsPerFrameMax),
})
export const News = quick(AnyNews, (reader) => {
  const claims: Claim[] = []
  while (claims.length < limits.claimsPerFrameMax && reader.comes(0x0a))
    claims.push(claimInside.read(reader))
  const digests: CarriedDigest[] = []
  while (digests.length < limits.digestsPerFrameMax && reader.comes(0x12))
    digests.push(digestInside.read(reader))
  return { claims, digests }
})
export type News = Infer<typeof News>

const newsInside = nested(News)
const numbered = (name: string) =>
  quick(message(name, { seq: field(1, uint()), news: field(2, newsInside) }), (reader) => {
    const seq = reader.uintAt(0x08)
    return seq < 0 || !reader.comes(0x12) ? undefined : { seq, news: newsInside.read(reader) }
  })
export const Ping = numbered('Ping')
export const Ack = numbered('Ack')
/** Please ping `target` for me; answer with `ack` if it does, with `nack` if it does not. */
export const PingRequest = message('PingRequest', {
  seq: field(1, uint()),
  target: field(2, text<PeerId>(128)),
  news: field(3, nested(News)),
})
export const Nack = message('Nack', { seq: field(1, uint()) })
export const Gossip = message('Gossip', { news: field(1, nested(News)) })

export const SummaryEntry = message('SummaryEntry', {
  about: field(1, text<PeerId>(128)),
  incarnation: field(2, uint()),
  sequence: field(3, uint()),
  /** 0 alive, 1 suspect, 2 dead, 3 left. */
  rank: field(4, uint()),
  /** Of the charge against a suspect or dead member: see `Claim`. */
  ageMs: optional(5, uint()),
  /** The accuser of a suspect. */
  by: optional(6, text<PeerId>(128)),
})
/**
 * All that the sender knows of the ids from `first` up to, without, `end`, in short; an empty `end`
 * means to the last. The answer is a repair.
 */
export const Summary = message('Summary', {
  first: field(1, text(128)),
  end: field(2, text(128)),
  entries: repeated(3, nested(SummaryEntry), limits.summaryEntriesMax),
})
/** What the other was missing, and what we would like in turn. */
export const Repair = message('Repair', {
  news: field(1, nested(News)),
  profiles: repeated(2, bytes(limits.profileBytesMax), limits.profilesPerFrameMax),
  want: repeated(3, text<PeerId>(128), limits.summaryEntriesMax),
})
/** Please send these members' profiles. */
export const Fetch = message('Fetch', {
  profilesOf: repeated(1, text<PeerId>(128), limits.profilesPerFrameMax),
})
export const Profiles = message('Profiles', {
  profiles: repeated(1, bytes(limits.profileBytesMax), limits.profilesPerFrameMax),
})

export const MembershipFrame = union('MembershipFrame', {
  ping: [1, Ping],
  ack: [2, Ack],
  pingRequest: [3, PingRequest],
  nack: [4, Nack],
  gossip: [5, Gossip],
  summary: [6, Summary],
  repair: [7, Repair],
  fetch: [8, Fetch],
  profiles: [9, Profiles],
})
export type MembershipFrame = Infer<typeof MembershipFrame>
