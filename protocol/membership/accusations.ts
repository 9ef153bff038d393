/** Who is under suspicion, for how long, and what becomes of it. */
import type { Entropy } from '../ports/entropy.ts'
import { asSuspicion, type Charge } from './charge.ts'
import { limits, suspicionBoundsMs } from './limits.ts'
import type { Outbox } from './outbox.ts'
import type { Member, Roster } from './roster.ts'
import { lastWordMs, rankOf } from './roster.ts'
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
  accuse(member: Member, accused: Charge, nowMs: number, startedMs: number): boolean {
    const { rumours } = this.spreading
    const { by, incarnation } = accused
    // Whatever the accuser calls it: here it is a suspicion first.
    const charge = asSuspicion(accused)
    if (member.suspicion && member.incarnation === incarnation) {
      const counts = this.lifeguard && member.suspicion.confirm(charge)
      if (counts) this.spreading.spreadCharge(charge)
      else rumours.heardClaim(member.id)
      return false
    }
    const size = this.roster.meshSize
    const wanted = this.lifeguard ? Math.max(0, Math.min(limits.confirmations, size - 2)) : 0
    this.roster.move(member, 'suspect', incarnation, nowMs)
    member.charge = charge
    member.suspicion = new Suspicion(charge, startedMs, wanted, suspicionBoundsMs(size))
    this.suspects.add(member)
    rumours.forgetClaims(member.id)
    this.spreading.spreadCharge(charge)
    this.outbox.event({ kind: 'suspect', id: member.id, incarnation, by, firstTime: false })
    return true
  }

  declareDead(member: Member, charge: Charge, nowMs: number): void {
    const { by, incarnation } = charge
    this.roster.move(member, 'dead', incarnation, nowMs)
    member.charge = charge
    this.suspects.delete(member)
    this.spreading.rumours.forget(member.id)
    this.spreading.spreadCharge(charge)
    this.outbox.event({ kind: 'dead', id: member.id, incarnation, by, firstTime: false })
  }

  /** The member has spoken up. */
  drop(member: Member): void {
    this.suspects.delete(member)
  }

  /** Passes the verdicts that are due. Returns those who have spoken since they were accused. */
  expire(nowMs: number): Member[] {
    const heard: Member[] = []
    for (const member of this.suspects) {
      const { suspicion } = member
      if (!suspicion) this.suspects.delete(member)
      else if (nowMs < suspicion.dueMs) continue
      else if (nowMs < suspicion.deadlineMs) this.inquire(member, suspicion, nowMs)
      else if (this.lifeguard && lastWordMs(member) > suspicion.sinceMs) {
        suspicion.retry(nowMs)
        heard.push(member)
      } else {
        const { sinceMs, verdictBy: by = this.roster.self } = suspicion
        const { id: about, incarnation } = member
        this.declareDead(member, { about, rank: rankOf.dead, incarnation, by, sinceMs }, nowMs)
      }
    }
    return heard
  }

  /** It was we who slept. */
  forgive(ms: number): void {
    for (const { suspicion } of this.suspects) suspicion?.forgive(ms)
  }

  /**
   * A last question before the verdict, to the accused, who answers an outdated charge with its
   * newest word, and to others: its refutation may have missed this node.
   */
  private inquire(member: Member, suspicion: Suspicion, nowMs: number): void {
    suspicion.inquired = true
    if (!this.lifeguard) return
    this.spreading.pingBare(member.id, 0, nowMs)
    for (const witness of this.roster.some(this.entropy, limits.witnesses, member.id)) {
      const news = { claims: [], digests: [] }
      const value = { news, profiles: [], want: [member.id] }
      this.outbox.send(witness.id, { kind: 'repair', value })
    }
  }
}
