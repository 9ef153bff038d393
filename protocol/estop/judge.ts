/**
 * Whether a word is to be believed. The two acts fail to different sides:
 *
 * - A *raise* is believed whatever the clocks say: a certificate that has run out since, or a host
 *   whose calendar is years off, must not keep work running. Only whom the mesh has taken back
 *   (`isRevoked`) does not stop it any more; so whoever leaves is to be revoked.
 * - A *release* needs a certificate that is valid now, by this host's own clock, and as many
 *   different people as the host asks for. Who hears it too late stays stopped and needs a new one.
 */
import { type Grant, grantIn } from '../identity/certificate.ts'
import {
  believe,
  type Credential,
  type CredentialFault,
  type Trust,
} from '../identity/credential.ts'
import { credentialLimits } from '../identity/limits.ts'
import { mayDo } from '../identity/verbs.ts'
import { type Hand, isSignedBy, type StopSaying, type StopWord, sayingIn, wordId } from './word.ts'

export type WordFault = CredentialFault | 'notAllowed' | 'unsigned'

export interface JudgedWord {
  id: string
  saying: StopSaying
  /** With the hands that count, and no others. */
  word: StopWord
  /** Whose they are, by name: different people. */
  people: readonly string[]
}

export type Judged =
  | { ok: true; judged: JudgedWord /** More people are needed. */; isWhole: boolean }
  | { ok: false; why: WordFault }

export interface Rules {
  /** People that a release of the whole mesh needs. */
  releasePeople: number
}

/** Never throws, whoever made the bytes. */
export function judgeWord(word: StopWord, trust: Trust, nowMs: number, rules: Rules): Judged {
  const saying = sayingIn(word.body)
  if (saying === undefined) return { ok: false, why: 'malformed' }
  if (saying.mesh !== trust.mesh) return { ok: false, why: 'foreignMesh' }
  const isAhead = saying.issuedMs > nowMs + credentialLimits.clockSkewMsMax
  if (saying.act === 'release' && isAhead) return { ok: false, why: 'notYetValid' }
  const people = new Map<string, { hand: Hand; subject: string }>()
  let fault: WordFault = 'unsigned'
  for (const hand of word.hands) {
    const signed = holderOf(word.body, hand, saying, trust, nowMs)
    if (typeof signed === 'string') fault = signed
    else if (!isKnown(people, signed)) people.set(signed.name, { hand, subject: signed.subject })
  }
  if (people.size === 0) return { ok: false, why: fault }
  const needs = saying.act === 'release' && saying.scope.kind === 'mesh' ? rules.releasePeople : 1
  const hands = [...people.values()].map(({ hand }) => hand)
  const judged = {
    id: wordId(word.body),
    saying,
    word: { body: word.body, hands },
    people: [...people.keys()],
  }
  return { ok: true, judged, isWhole: people.size >= needs }
}

/** One person with two keys, or one key under two names, is one person. */
function isKnown(
  people: ReadonlyMap<string, { subject: string }>,
  { name, subject }: Grant,
): boolean {
  return people.has(name) || [...people.values()].some((one) => one.subject === subject)
}

function holderOf(
  body: Uint8Array,
  hand: Hand,
  { act }: StopSaying,
  trust: Trust,
  nowMs: number,
): Grant | WordFault {
  const atMs = act === 'raise' ? timeOf(hand.credential) : nowMs
  const believed = believe(hand.credential, trust, atMs)
  if (!believed.ok) return believed.why
  const { holder } = believed
  if (!isSignedBy(body, holder.subject, hand)) return 'badSignature'
  const verb = act === 'raise' ? 'estop.raise' : 'estop.release'
  return holder.kind === 'person' && mayDo(holder.roles, verb) ? holder : 'notAllowed'
}

/** When all links of the credential were valid, if there ever was such a time. */
function timeOf({ leaf, issuer }: Credential): number {
  const below = grantIn(leaf)?.notBeforeMs ?? 0
  const above = issuer === undefined ? 0 : (grantIn(issuer)?.notBeforeMs ?? 0)
  return Math.max(below, above)
}
