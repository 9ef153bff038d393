/** Who is under suspicion, for how long, and what becomes of it. */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { limits, suspicionBoundsMs } from './limits.ts'
import type { Claim } from './messages.ts'
import type { Outbox } from './outbox.ts'
import type { Member, Roster } from './roster.ts'
import { rankOf } from './roster.ts'
import type { Spreading } from './spreading.ts'
import { Suspicion } from './suspicion.ts'

export class Accusations {
  private readonly roster: Roster
  private readonly outbox: Outbox
  private readonly spreading: Spreading
  private readonly entropy: Entropy
  private readonly lifeguard: boolean
  private readonly suspects = new Set<Member>()

  constructor(
    roster: Roster,
    outbox: Outbox,
    spreading: Spreading,
    entropy: Entropy,
    lifeguard: boolean,
  ) {
    this.roster = roster
    this.outbox = outbox
    this.spreading = spreading
    this.entropy = entropy
    this.lifeguard = lifeguard
  }

  get nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { suspicion } of this.suspects) next = Math.min(next, suspicion?.dueMs ?? next)
    return next
  }

  /** True when the member was not under suspicion before. */
  accuse(member: Member, by: PeerId, incarnation: number, nowMs: number): boolean {
    const claim: Claim = { about: member.id, rank: rankOf.suspect, incarnation, by }
    const { rumours } = this.spreading
    if (member.suspicion && member.incarnation === incarnation) {
      const counts = this.lifeguard && member.suspicion.confirm(by)
      if (counts) this.spreading.tellClaim(claim)
      else rumours.heardClaim(member.id)
      return false
    }
    const size = this.roster.meshSize
    const wanted = this.lifeguard ? Math.max(0, Math.min(limits.confirmations, size - 2)) : 0
    this.roster.move(member, 'suspect', incarnation, nowMs)
    member.suspicion = new Suspicion(incarnation, by, nowMs, wanted, suspicionBoundsMs(size))
    this.suspects.add(member)
    rumours.forgetClaims(member.id)
    this.spreading.tellClaim(claim)
    this.outbox.event({ kind: 'suspect', id: member.id, incarnation, by, firstTime: false })
    return true
  }

  declareDead(member: Member, by: PeerId, incarnation: number, nowMs: number): void {
    this.roster.move(member, 'dead', incarnation, nowMs)
    this.suspects.delete(member)
    this.spreading.rumours.forget(member.id)
    this.spreading.tellClaim({ about: member.id, rank: rankOf.dead, incarnation, by })
    this.outbox.event({ kind: 'dead', id: member.id, incarnation, by, firstTime: false })
  }

  /** The member has spoken up. */
  drop(member: Member): void {
    this.suspects.delete(member)
  }

  expire(nowMs: number): void {
    for (const member of this.suspects) {
      const { suspicion } = member
      if (!suspicion) this.suspects.delete(member)
      else if (nowMs >= suspicion.deadlineMs) {
        this.declareDead(member, this.roster.self, member.incarnation, nowMs)
      } else if (nowMs >= suspicion.dueMs) this.inquire(member, suspicion)
    }
  }

  /** It was we who slept. */
  forgive(ms: number): void {
    for (const { suspicion } of this.suspects) suspicion?.forgive(ms)
  }

  /**
   * A last question before the verdict, to the accused, who answers an outdated charge with its
   * newest word, and to others: its refutation may have missed this node.
   */
  private inquire(member: Member, suspicion: Suspicion): void {
    suspicion.inquired = true
    if (!this.lifeguard) return
    this.spreading.pingBare(member.id, 0)
    for (const witness of this.roster.some(this.entropy, limits.witnesses, member.id)) {
      const news = { claims: [], digests: [] }
      const value = { news, profiles: [], want: [member.id] }
      this.outbox.send(witness.id, { kind: 'repair', value })
    }
  }
}
