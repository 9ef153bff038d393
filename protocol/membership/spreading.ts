/** Telling others: what news goes out, to whom, on which frame. */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { type Charge, claimOf } from './charge.ts'
import { limits, sendsOf } from './limits.ts'
import type { Claim, News } from './messages.ts'
import type { Outbox } from './outbox.ts'
import type { Member, Roster } from './roster.ts'
import { carry, type HeldDigest, Rumours } from './rumours.ts'

export class Spreading {
  readonly rumours = new Rumours()
  private nextMs: number
  private readonly roster: Roster
  private readonly outbox: Outbox
  private readonly entropy: Entropy
  /** Without Lifeguard, a suspect is not told what is said of it. */
  private readonly lifeguard: boolean

  constructor(roster: Roster, outbox: Outbox, entropy: Entropy, lifeguard: boolean, nowMs: number) {
    this.roster = roster
    this.outbox = outbox
    this.entropy = entropy
    this.lifeguard = lifeguard
    this.nextMs = nowMs
  }

  get dueMs(): number {
    return this.rumours.urgent ? this.nextMs : Number.POSITIVE_INFINITY
  }

  gossip(nowMs: number): void {
    this.nextMs = nowMs + limits.gossipIntervalMs
    for (const member of this.roster.some(this.entropy, limits.fanout)) {
      const news = this.newsFor(member.id, nowMs)
      if (news.claims.length + news.digests.length === 0) continue
      this.outbox.send(member.id, { kind: 'gossip', value: { news } })
    }
  }

  ping(to: PeerId, seq: number, nowMs: number): void {
    this.outbox.send(to, { kind: 'ping', value: { seq, news: this.newsFor(to, nowMs) } })
  }

  /**
   * A ping that must be small and certain to carry what is said of its target: what this node
   * believes, or a charge that it passes on without believing it.
   */
  pingBare(to: PeerId, seq: number, nowMs: number, charge?: Charge): void {
    const claims = charge ? [claimOf(charge, nowMs)] : this.wordTo(this.roster.get(to), nowMs)
    this.outbox.send(to, { kind: 'ping', value: { seq, news: { claims, digests: [] } } })
  }

  /** To one that may know better. */
  tellCharge(to: PeerId, charge: Charge, nowMs: number): void {
    const news: News = { claims: [claimOf(charge, nowMs)], digests: [] }
    this.outbox.send(to, { kind: 'gossip', value: { news } })
  }

  newsFor(to: PeerId, nowMs: number): News {
    const news = this.rumours.take(to, nowMs, limits.newsBytesMax)
    const member = this.roster.get(to)
    if (!member || member.state === 'alive') return news
    if (member.state === 'left') news.digests.push(carry(member.held, nowMs))
    else news.claims.unshift(...this.wordTo(member, nowMs))
    return news
  }

  spreadCharge(charge: Charge): void {
    this.rumours.addCharge(charge, this.claimSends)
  }

  tellUrgent(held: HeldDigest): void {
    this.rumours.addUrgent(held, this.claimSends)
  }

  tellLoad(held: HeldDigest): void {
    this.rumours.addLoad(held, this.loadSends)
  }

  tellOwnUrgent(own: HeldDigest): void {
    this.rumours.addUrgent(own, Math.max(this.claimSends, limits.ownDigestSends))
  }

  tellOwnLoad(own: HeldDigest): void {
    this.rumours.addLoad(own, Math.max(this.loadSends, limits.ownDigestSends))
  }

  /** A suspect or dead member hears what is said of it, so that it can object (Lifeguard's buddy). */
  private wordTo(member: Member | undefined, nowMs: number): Claim[] {
    if (!member?.charge || (!this.lifeguard && member.state === 'suspect')) return []
    return [claimOf(member.charge, nowMs)]
  }

  private get claimSends(): number {
    return sendsOf(limits.claimSendsTimes, this.roster.meshSize)
  }

  private get loadSends(): number {
    return sendsOf(limits.loadSendsTimes, this.roster.meshSize)
  }
}
