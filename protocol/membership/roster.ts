/**
 * Everyone this node has heard of, and the order of news about them.
 *
 * Invariant: what is believed of a member only moves forward in (incarnation, rank). Only the
 * member itself raises its incarnation, so only it can overrule a suspicion, a death or its leave.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { below, shuffle } from '../ports/entropy.ts'
import type { Charge } from './charge.ts'
import type { Digest, Profile } from './digest.ts'
import { limits } from './limits.ts'
import type { HeldDigest } from './rumours.ts'
import type { Suspicion } from './suspicion.ts'

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

export const rankOf = { alive: 0, suspect: 1, dead: 2, left: 3 } as const satisfies Record<
  MemberState,
  number
>
const stateOfRank = ['alive', 'suspect', 'dead', 'left'] as const

export function stateOf(rank: number): MemberState | undefined {
  return stateOfRank[rank]
}

/** All of one shape, for as long as they are known: they are looked at with every frame. */
export interface Member {
  readonly id: PeerId
  state: MemberState
  incarnation: number
  /** When `state` was last changed here. */
  stateSinceMs: number
  /** When anything last came from the member itself, over its own stream. */
  heardMs: number
  /** So often in a row only others have had an answer from it. */
  byOthers: number
  digest: Digest
  held: HeldDigest
  profile: Profile | undefined
  packedProfile: Uint8Array | undefined
  /** Of `packedProfile`; compared with each digest. */
  profileHash: Uint8Array | undefined
  suspicion: Suspicion | undefined
  /** What a suspect or dead member stands accused of. */
  charge: Charge | undefined
  /** When it was last told of its charge out of turn, and a bearer of its word likewise. */
  remindedMs: number | undefined
  bearerToldMs: number | undefined
  roundTripMs: number | undefined
  /** Place in `standing`, or -1 when dead or left. */
  slot: number
}

/** What is known of a member when it is first heard of. */
export type NewMember = Pick<
  Member,
  'id' | 'state' | 'incarnation' | 'stateSinceMs' | 'heardMs' | 'digest' | 'held'
>

/** What this node has from the member itself: over its own stream, or signed and passed on. */
export function lastWordMs(member: Member): number {
  return Math.max(member.heardMs, member.held.writtenMs)
}

export function supersedes(
  news: { incarnation: number; rank: number },
  known: { incarnation: number; state: MemberState },
): boolean {
  if (news.incarnation !== known.incarnation) return news.incarnation > known.incarnation
  return news.rank > rankOf[known.state]
}

/** Order among an owner’s digests: the incarnation, then the sequence within it. */
export function isNewer(
  a: { incarnation: number; sequence: number },
  b: { incarnation: number; sequence: number },
): boolean {
  return (
    a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.sequence > b.sequence)
  )
}

export function isStanding(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect'
}

export class Roster {
  readonly self: PeerId
  /** When anybody's state last changed. */
  movedMs = Number.NEGATIVE_INFINITY
  private readonly members = new Map<PeerId, Member>()
  /** Alive and suspect members other than this node, in no order; for choosing at random. */
  private readonly standing: Member[] = []
  /** Dead and left members. */
  private readonly gone = new Set<Member>()
  private successors: Member[] | undefined
  private beside: Member[] | undefined

  constructor(self: PeerId) {
    this.self = self
  }

  /** Members known, in any state, this node not counted. */
  get size(): number {
    return this.members.size
  }

  /** The size of the mesh: alive and suspect members, and this node. */
  get meshSize(): number {
    return this.standing.length + 1
  }

  get(id: PeerId): Member | undefined {
    return this.members.get(id)
  }

  all(): IterableIterator<Member> {
    return this.members.values()
  }

  standingMembers(): readonly Member[] {
    return this.standing
  }

  add(member: NewMember): Member {
    const { id, state, incarnation, stateSinceMs, heardMs, digest, held } = member
    const added: Member = {
      id,
      state,
      incarnation,
      stateSinceMs,
      heardMs,
      byOthers: 0,
      digest,
      held,
      profile: undefined,
      packedProfile: undefined,
      profileHash: undefined,
      suspicion: undefined,
      charge: undefined,
      remindedMs: undefined,
      bearerToldMs: undefined,
      roundTripMs: undefined,
      slot: -1,
    }
    this.members.set(member.id, added)
    this.movedMs = Math.max(this.movedMs, member.stateSinceMs)
    if (isStanding(added.state)) this.stand(added)
    else this.gone.add(added)
    return added
  }

  /** Moves a member to a state. The caller has checked that the news supersedes. */
  move(member: Member, state: MemberState, incarnation: number, nowMs: number): void {
    const stood = member.slot >= 0
    if (member.state !== state) {
      member.stateSinceMs = nowMs
      this.movedMs = nowMs
    }
    member.state = state
    member.incarnation = incarnation
    if (state !== 'suspect') member.suspicion = undefined
    if (state === 'alive' || state === 'left') member.charge = undefined
    if (isStanding(state) && !stood) this.stand(member)
    if (!isStanding(state) && stood) this.fall(member)
  }

  remove(member: Member): void {
    if (member.slot >= 0) this.fall(member)
    this.gone.delete(member)
    this.members.delete(member.id)
  }

  /** Up to `count` different standing members at random, without `not`. */
  some(entropy: Entropy, count: number, not?: PeerId): Member[] {
    const total = this.standing.length
    if (total <= count + 1) {
      return shuffle(
        entropy,
        this.standing.filter((member) => member.id !== not),
      ).slice(0, count)
    }
    const chosen: Member[] = []
    for (let tries = 0; chosen.length < count && tries < 4 * count; tries++) {
      const member = this.standing[below(entropy, total)] as Member
      if (member.id !== not && !chosen.includes(member)) chosen.push(member)
    }
    return chosen
  }

  /** The members whom this node watches: its successors on the ring of all standing ids. */
  watched(): readonly Member[] {
    this.successors ??= this.findSuccessors()
    return this.successors
  }

  /** The members before and after this node on the ring. */
  neighbours(): readonly Member[] {
    this.beside ??= this.findNeighbours()
    return this.beside
  }

  /** True when this node is one of `member`'s watchers. */
  watches(member: Member): boolean {
    return this.watched().includes(member)
  }

  /** True while a member is kept that is dead or has left. */
  get anyGone(): boolean {
    return this.gone.size > 0
  }

  dead(): Member[] {
    return [...this.gone].filter((member) => member.state === 'dead')
  }

  /** Dead and left members that have been kept long enough, or are one too many. */
  reapable(nowMs: number): Member[] {
    const gone = [...this.gone]
    gone.sort((a, b) => a.stateSinceMs - b.stateSinceMs)
    const excess = gone.length - limits.goneKeptMax
    return gone.filter((member, i) => i < excess || nowMs - member.stateSinceMs > limits.goneKeptMs)
  }

  sortedIds(): PeerId[] {
    return [...this.members.keys()].sort()
  }

  private stand(member: Member): void {
    this.gone.delete(member)
    if (this.beside) this.beside = this.besideWith(member)
    member.slot = this.standing.length
    this.standing.push(member)
    const last = this.successors?.at(-1)
    if (!last || this.standing.length <= limits.ringWatchers || this.isBefore(member.id, last.id)) {
      this.successors = undefined
    }
  }

  private fall(member: Member): void {
    const last = this.standing.pop() as Member
    if (last !== member) {
      this.standing[member.slot] = last
      last.slot = member.slot
    }
    member.slot = -1
    this.gone.add(member)
    if (this.beside?.includes(member)) this.beside = undefined
    if (this.successors?.includes(member)) this.successors = undefined
  }

  /** True when `a` comes before `b` on the walk around the ring that starts at this node. */
  private isBefore(a: PeerId, b: PeerId): boolean {
    const aWrapped = a < this.self
    const bWrapped = b < this.self
    return aWrapped === bWrapped ? a < b : bWrapped
  }

  /** The neighbours once this member is there as well: a walk around the ring is long. */
  private besideWith(member: Member): Member[] | undefined {
    const [after, before] = this.beside ?? []
    if (!after || !before) return undefined
    if (this.isBefore(member.id, after.id)) return [member, before]
    return this.isBefore(before.id, member.id) ? [after, member] : this.beside
  }

  private findNeighbours(): Member[] {
    let [after] = this.standing
    let before = after
    for (const member of this.standing) {
      if (this.isBefore(member.id, (after as Member).id)) after = member
      if (this.isBefore((before as Member).id, member.id)) before = member
    }
    if (!after || !before) return []
    return after === before ? [after] : [after, before]
  }

  private findSuccessors(): Member[] {
    const nearest: Member[] = []
    for (const member of this.standing) {
      let place = nearest.length
      while (place > 0 && this.isBefore(member.id, (nearest[place - 1] as Member).id)) place--
      if (place >= limits.ringWatchers) continue
      nearest.splice(place, 0, member)
      if (nearest.length > limits.ringWatchers) nearest.pop()
    }
    return nearest
  }
}
