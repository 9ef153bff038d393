/**
 * Listening: what a digest, a claim or a line of a summary changes in what is believed, and what of
 * it is worth passing on.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Infer } from '../wire/schema.ts'
import type { Accusations } from './accusations.ts'
import { chargeOf } from './charge.ts'
import type { Digest, Seal } from './digest.ts'
import type { Judgement } from './judgement.ts'
import { limits } from './limits.ts'
import type { CarriedDigest, Claim, News, SummaryEntry } from './messages.ts'
import type { Outbox } from './outbox.ts'
import type { Profiles } from './profiles.ts'
import { digestBytes } from './repair.ts'
import type { MemberState, Roster } from './roster.ts'
import { isNewer, rankOf, stateOf, supersedes } from './roster.ts'
import type { HeldDigest } from './rumours.ts'
import type { Spreading } from './spreading.ts'

type Entry = Infer<typeof SummaryEntry>

/** What the listener leaves to the node itself. */
export interface Listener {
  /** Just after a sleep, how long it was: what is heard may be that much older than it looks. */
  unheardMs(nowMs: number): number
  /** This node is called suspect or dead. */
  refute(claim: Claim, from: PeerId, nowMs: number): void
  /** True when a digest in this node's name is newer than what it has written. */
  isOwnNews(of: { incarnation: number; sequence: number }): boolean
  outrun(incarnation: number, nowMs: number): void
}

interface Parts {
  roster: Roster
  outbox: Outbox
  spreading: Spreading
  accusations: Accusations
  judgement: Judgement
  profiles: Profiles
}

export class Hearing {
  private readonly self: { id: PeerId; seal: Seal }
  private readonly listener: Listener
  private readonly parts: Parts
  private readonly roster: Roster

  constructor(self: { id: PeerId; seal: Seal }, listener: Listener, parts: Parts) {
    this.self = self
    this.listener = listener
    this.parts = parts
    this.roster = parts.roster
  }

  /** Digests first: they may acquit those whom the claims accuse. */
  news(news: News, from: PeerId, nowMs: number): void {
    for (const carried of news.digests) this.digest(carried, from, nowMs)
    for (const claim of news.claims) this.claim(claim, from, nowMs)
  }

  /** A summary's line that a member is dead or suspect is that peer's claim. */
  entries(entries: readonly Entry[], from: PeerId, nowMs: number): void {
    for (const entry of entries) {
      const state = stateOf(entry.rank)
      if (state !== 'suspect' && state !== 'dead') continue
      const known = entry.about === this.self.id || this.roster.get(entry.about)
      if (known) this.claim({ ...entry, by: entry.by ?? from }, from, nowMs)
    }
  }

  private claim(claim: Claim, from: PeerId, nowMs: number): void {
    const { outbox, judgement } = this.parts
    if (claim.rank !== rankOf.suspect && claim.rank !== rankOf.dead)
      return outbox.ignore('claimOfUnknownRank')
    if (claim.about === this.self.id) return this.listener.refute(claim, from, nowMs)
    const member = this.roster.get(claim.about)
    if (!member) return outbox.ignore('claimAboutStranger')
    // Only the owner's signature proves an incarnation; a claim may be anybody's invention.
    if (claim.incarnation > member.held.incarnation) return outbox.ignore('claimAheadOfDigest')
    const isDoubtful = this.listener.unheardMs(nowMs) > 0
    judgement.weigh(member, chargeOf(claim, nowMs), isDoubtful, nowMs)
  }

  private digest(carried: CarriedDigest, from: PeerId, nowMs: number): void {
    const { owner, incarnation, sequence } = carried
    const { spreading, accusations, judgement, profiles, outbox } = this.parts
    if (incarnation > limits.incarnationMax) return outbox.ignore('impossibleNumber')
    const member = this.roster.get(owner)
    if (!member) return this.digestOfUnknown(carried, from, nowMs)
    if (!isNewer(carried, member.held)) {
      outbox.ignore(isNewer(member.held, carried) ? 'oldDigest' : 'repeatedDigest')
      return spreading.rumours.heardDigest(owner, incarnation, sequence)
    }
    const digest = this.open(carried, from)
    if (!digest) return
    const held = this.hold(carried, nowMs)
    member.digest = digest
    member.held = held
    const state: MemberState = digest.left ? 'left' : 'alive'
    if (supersedes({ incarnation, rank: rankOf[state] }, member)) {
      accusations.drop(member)
      const changed = member.state !== state
      this.roster.move(member, state, incarnation, nowMs)
      spreading.rumours.forgetClaims(owner)
      spreading.tellUrgent(held)
      if (changed) outbox.event({ kind: state, id: owner, incarnation, by: from, firstTime: false })
    } else {
      spreading.tellLoad(held)
      judgement.askBearer(member, from, nowMs)
    }
    profiles.want(member)
  }

  private digestOfUnknown(carried: CarriedDigest, from: PeerId, nowMs: number): void {
    if (carried.owner === this.self.id) {
      if (this.listener.isOwnNews(carried) && this.open(carried, from))
        this.listener.outrun(carried.incarnation, nowMs)
      return
    }
    const digest = this.open(carried, from)
    if (digest && !digest.left) this.meet(digest, this.hold(carried, nowMs), from, nowMs)
  }

  private meet(digest: Digest, held: HeldDigest, from: PeerId, nowMs: number): void {
    const { spreading, profiles, outbox } = this.parts
    if (this.roster.size >= limits.membersMax) return outbox.ignore('rosterFull')
    const { owner: id, incarnation } = held
    const member = this.roster.add({
      id,
      state: 'alive',
      incarnation,
      stateSinceMs: nowMs,
      heardMs: from === id ? nowMs : Math.min(nowMs, held.writtenMs),
      digest,
      held,
    })
    spreading.tellUrgent(held)
    outbox.event({ kind: 'alive', id, incarnation, by: from, firstTime: true })
    profiles.want(member)
  }

  private hold(carried: CarriedDigest, nowMs: number): HeldDigest {
    const { owner, incarnation, sequence, signed, ageMs } = carried
    const writtenMs = nowMs - Math.min(ageMs, limits.ageMsMax) - this.listener.unheardMs(nowMs)
    const bytes = digestBytes(owner, signed)
    return { owner, incarnation, sequence, signed, writtenMs, bytes }
  }

  /** Undefined, and the bearer told off, for one that is not what its label or signature says. */
  private open(carried: CarriedDigest, from: PeerId): Digest | undefined {
    const digest = this.self.seal.openDigest(carried.signed)
    const { outbox } = this.parts
    if (digest === 'forged') outbox.fault(from, 'forgedDigest')
    else if (digest === 'garbled' || !isLabelled(carried, digest))
      outbox.fault(from, 'garbledDigest')
    else return digest
    return undefined
  }
}

function isLabelled(carried: CarriedDigest, digest: Digest): boolean {
  return (
    digest.owner === carried.owner &&
    digest.incarnation === carried.incarnation &&
    digest.sequence === carried.sequence
  )
}
