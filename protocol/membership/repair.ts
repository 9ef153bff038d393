/**
 * Anti-entropy: two members compare all they know, range by range, and hand over what the other
 * lacks. Pure functions over a roster; the core sends what they return.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Infer } from '../wire/schema.ts'
import { type Charge, claimOf } from './charge.ts'
import type { Digest, Signed } from './digest.ts'
import { limits } from './limits.ts'
import type { News, Repair, Summary, SummaryEntry } from './messages.ts'
import type { Member, Roster } from './roster.ts'
import { isNewer, isStanding, rankOf } from './roster.ts'
import type { HeldDigest } from './rumours.ts'
import { carry } from './rumours.ts'

type SummaryFrame = Infer<typeof Summary>
type RepairFrame = Infer<typeof Repair>
type Entry = Infer<typeof SummaryEntry>

/** Tags, lengths and the three numbers around an id, a body and a signature. */
const DIGEST_OVERHEAD_BYTES = 28
const PROFILE_OVERHEAD_BYTES = 8

export function digestBytes(owner: PeerId, signed: Signed): number {
  return owner.length + signed.body.length + signed.signature.length + DIGEST_OVERHEAD_BYTES
}

/** All that this node knows, itself included, in ranges that together cover every id. */
export function summaries(roster: Roster, own: Digest, nowMs: number): SummaryFrame[] {
  const ids = [...roster.sortedIds(), roster.self].sort()
  const frames: SummaryFrame[] = []
  for (let i = 0; i < ids.length; i += limits.summaryEntriesMax) {
    const range = ids.slice(i, i + limits.summaryEntriesMax)
    const entries = range.map((id) => entryOf(id, roster, own, nowMs))
    const first = i === 0 ? '' : (range[0] as string)
    frames.push({ first, end: ids[i + limits.summaryEntriesMax] ?? '', entries })
  }
  return frames
}

function entryOf(id: PeerId, roster: Roster, own: Digest, nowMs: number): Entry {
  const member = roster.get(id)
  if (!member)
    return {
      about: id,
      incarnation: own.incarnation,
      sequence: own.sequence,
      rank: own.left ? 3 : 0,
    }
  // The incarnation of the digest, not of the newest claim: it says which digest is held.
  const { incarnation } = member.charge ?? member.held
  const { sequence } = member.held
  const entry: Entry = { about: id, incarnation, sequence, rank: rankOf[member.state] }
  if (!member.charge) return entry
  const { ageMs, by } = claimOf(member.charge, nowMs)
  return member.state === 'suspect' ? { ...entry, ageMs, by } : { ...entry, ageMs }
}

/** What the sender of the summary lacks in its range, and what we would like to have from it. */
export function answerSummary(
  summary: SummaryFrame,
  roster: Roster,
  own: HeldDigest,
  ownProfile: Uint8Array,
  nowMs: number,
): RepairFrame[] {
  const theirs = new Map<PeerId, Entry>(summary.entries.map((entry) => [entry.about, entry]))
  const batch = new RepairBatch()
  if (isInRange(roster.self, summary) && lacks(theirs.get(roster.self), own)) {
    batch.add(own, theirs.has(roster.self) ? undefined : ownProfile, nowMs)
  }
  for (const member of roster.all()) {
    if (isInRange(member.id, summary)) compare(member, theirs.get(member.id), batch, nowMs)
  }
  for (const entry of summary.entries) {
    if (entry.about === roster.self) continue
    const member = roster.get(entry.about)
    const unknown = !member && entry.rank <= rankOf.suspect
    if (unknown || (member && isNewer(entry, member.held))) batch.want(entry.about)
  }
  return batch.frames()
}

function compare(
  member: Member,
  theirs: Entry | undefined,
  batch: RepairBatch,
  nowMs: number,
): void {
  // Who never knew a dead or departed member need not hear of it.
  if (!theirs && !isStanding(member.state)) return
  if (lacks(theirs, member.held))
    batch.add(member.held, theirs ? undefined : member.packedProfile, nowMs)
  const { charge } = member
  if (charge && isBehind(theirs, charge)) batch.claim(claimOf(charge, nowMs))
}

function isBehind(theirs: Entry | undefined, { incarnation, rank }: Charge): boolean {
  if (!theirs || incarnation > theirs.incarnation) return true
  return incarnation === theirs.incarnation && rank > theirs.rank
}

function lacks(theirs: Entry | undefined, held: HeldDigest): boolean {
  return !theirs || isNewer(held, theirs)
}

function isInRange(id: PeerId, range: { first: string; end: string }): boolean {
  return id >= range.first && (range.end === '' || id < range.end)
}

/** Collects a repair and cuts it into frames of a bounded size. */
class RepairBatch {
  private readonly done: RepairFrame[] = []
  private current = emptyRepair()
  private bytes = 0

  add(held: HeldDigest, profile: Uint8Array | undefined, nowMs: number): void {
    const profileBytes = profile ? profile.length + PROFILE_OVERHEAD_BYTES : 0
    const { news, profiles } = this.current
    const full =
      this.bytes + held.bytes + profileBytes > limits.repairBytesMax ||
      news.digests.length >= limits.digestsPerFrameMax ||
      profiles.length >= limits.profilesPerFrameMax
    if (full) this.cut()
    this.bytes += held.bytes + profileBytes
    this.current.news.digests.push(carry(held, nowMs))
    if (profile) this.current.profiles.push(profile)
  }

  claim(claim: RepairFrame['news']['claims'][number]): void {
    if (this.current.news.claims.length >= limits.claimsPerFrameMax) this.cut()
    this.current.news.claims.push(claim)
  }

  want(id: PeerId): void {
    if (this.current.want.length >= limits.summaryEntriesMax) this.cut()
    this.current.want.push(id)
  }

  frames(): RepairFrame[] {
    const { news, profiles, want } = this.current
    if (news.digests.length + news.claims.length + profiles.length + want.length > 0) this.cut()
    return this.done
  }

  private cut(): void {
    this.done.push(this.current)
    this.current = emptyRepair()
    this.bytes = 0
  }
}

function emptyRepair(): RepairFrame {
  return { news: { claims: [], digests: [] }, profiles: [], want: [] }
}

/** The digests that were asked for, in as many pieces as they take. */
export function answerWant(
  want: readonly PeerId[],
  roster: Roster,
  own: HeldDigest,
  nowMs: number,
): News[] {
  const batch = new RepairBatch()
  for (const id of new Set(want)) {
    const held = id === roster.self ? own : roster.get(id)?.held
    if (held) batch.add(held, undefined, nowMs)
  }
  return batch.frames().map(({ news }) => news)
}
