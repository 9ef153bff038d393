/**
 * Who is alive: SWIM with Lifeguard, as a state machine. Feed it frames, the time and what the
 * transport noticed; take out frames to send, events, and complaints about peers. It owns no clock,
 * socket or promise, and the same inputs give the same outputs.
 *
 * What the driver must do: call `wake` at `wakeAtMs` or later (how much later is an input: a late
 * wake-up means that this host slept, not the others), `receive` for each frame, and `takeOutput`
 * after either. Frames may be lost, doubled and reordered.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { Accusations } from './accusations.ts'
import type { Digest, LedgerRecord, LoadRecord, Profile } from './digest.ts'
import { Hearing } from './hearing.ts'
import { Judgement } from './judgement.ts'
import { digestIntervalMs, limits, nextDigestIntervalMs, syncIntervalMs } from './limits.ts'
import { LocalHealth } from './local-health.ts'
import type { Claim, MembershipFrame, News } from './messages.ts'
import { Outbox, type Output } from './outbox.ts'
import { OwnRecords, type SelfDescription } from './own-records.ts'
import { Prober } from './prober.ts'
import { Profiles } from './profiles.ts'
import { answerSummary, answerWant, summaries } from './repair.ts'
import { isNewer, Roster, rankOf } from './roster.ts'
import { carry } from './rumours.ts'
import { Spreading } from './spreading.ts'

export interface MembershipOptions {
  /** False leaves plain SWIM: for comparison only. */
  lifeguard: boolean
  probeIntervalMs: number
}

/** Claims of an unlucky restart are outrun quietly; a copy of the key keeps coming back. */
const CLASHES_TOLERATED = 3

export class Membership {
  readonly roster: Roster
  readonly health: LocalHealth
  /** Since when; how late `wake` comes is measured against it. */
  wakeAtMs: number
  farewells = 0

  private readonly self: SelfDescription
  private readonly entropy: Entropy
  private readonly lifeguard: boolean
  private readonly outbox = new Outbox()
  private readonly own: OwnRecords
  private readonly spreading: Spreading
  private readonly accusations: Accusations
  private readonly prober: Prober
  private readonly judgement: Judgement
  private readonly profiles: Profiles
  private readonly hearing: Hearing
  private clashes = 0
  private readonly asked = new Map<PeerId, number>()

  private nextDigestMs: number
  private digestEveryMs: number = limits.digestIntervalMs
  private nextSyncMs: number
  /** How much shorter than usual the next wait between two comparisons is. */
  private syncHaste = 1
  /** After a sleep: until then, what is heard may be that much older than it looks. */
  private drowsyUntilMs = Number.NEGATIVE_INFINITY
  private sleptMs = 0

  constructor(self: SelfDescription, entropy: Entropy, nowMs: number, options: MembershipOptions) {
    this.self = self
    this.entropy = entropy
    this.lifeguard = options.lifeguard
    const { outbox, lifeguard } = this
    const roster = new Roster(self.id)
    this.roster = roster
    this.health = new LocalHealth(lifeguard)
    this.own = new OwnRecords(self, nowMs)
    this.spreading = new Spreading(roster, outbox, entropy, lifeguard, nowMs)
    const { spreading, health } = this
    this.accusations = new Accusations(roster, outbox, spreading, entropy, lifeguard)
    this.prober = new Prober(roster, health, spreading, outbox, entropy, options, nowMs)
    const { accusations, prober } = this
    this.judgement = new Judgement({ roster, health, spreading, accusations, prober, lifeguard })
    this.profiles = new Profiles(roster, outbox, self.seal, entropy)
    const { judgement, profiles } = this
    const parts = { roster, outbox, spreading, accusations, judgement, profiles }
    this.hearing = new Hearing(self, this, parts)
    this.nextDigestMs = nowMs + entropy.unit() * limits.digestIntervalMs
    this.nextSyncMs = nowMs + entropy.unit() * limits.syncIntervalMs
    this.wakeAtMs = nowMs
    this.plan(nowMs)
  }

  get digest(): Digest {
    return this.own.digest
  }

  get profile(): Profile {
    return this.own.profile
  }

  /** What was heard and passed over, by reason. */
  get ignored(): Readonly<Record<string, number>> {
    return this.outbox.ignored
  }

  takeOutput(): Output {
    return this.outbox.take()
  }

  // ── What the host says ────────────────────────────────────────────────────────────────────────

  /** The newest figures; they travel with the next digest, which comes sooner if they are news. */
  report(load: LoadRecord, runningAttempts: number, nowMs: number): void {
    this.own.load = load
    this.own.runningAttempts = runningAttempts
    this.plan(nowMs)
  }

  /** Travels with the next digest, or at once when `urgent`. */
  reportLedger(ledger: LedgerRecord, urgent: boolean, nowMs: number): void {
    this.own.ledger = ledger
    if (urgent && !this.own.left) this.announce(nowMs)
    else this.plan(nowMs)
  }

  describe(profile: SelfDescription['profile'], nowMs: number): void {
    this.own.describe(profile)
    this.announce(nowMs)
  }

  /** Neighbours are looked at so often from now on. */
  retune(probeIntervalMs: number, nowMs: number): void {
    this.prober.intervalMs = probeIntervalMs
    this.plan(nowMs)
  }

  /** Introduces this node to a peer and asks for all it knows. */
  greet(peer: PeerId, nowMs: number): void {
    if (peer === this.self.id) return
    const news: News = { claims: [], digests: [carry(this.own.held, nowMs)] }
    const profiles = [this.own.packedProfile]
    this.outbox.send(peer, { kind: 'repair', value: { news, profiles, want: [peer] } })
    for (const summary of summaries(this.roster, this.own.digest, nowMs)) {
      this.outbox.send(peer, { kind: 'summary', value: summary })
    }
    this.plan(nowMs)
  }

  /** Says farewell. `farewells` then counts those who have acknowledged it. */
  leave(nowMs: number): void {
    this.own.left = true
    this.announce(nowMs)
    for (const member of this.roster.some(this.entropy, limits.ownDigestSends)) {
      this.prober.farewell(member, nowMs)
    }
    this.plan(nowMs)
  }

  /** The transport lost its connection to a peer, or could not reach it at all. */
  hint(peer: PeerId, what: 'connectionLost' | 'unreachable', nowMs: number): void {
    const member = this.roster.get(peer)
    if (!member || member.slot < 0 || this.own.left) return
    this.prober.suspectConnection(member, what === 'unreachable', nowMs)
    this.plan(nowMs)
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  wake(nowMs: number): void {
    const lateMs = nowMs - this.wakeAtMs
    if (this.lifeguard && lateMs > limits.latenessToleratedMs) this.slept(lateMs, nowMs)
    const failed = this.prober.advance(nowMs)
    if (!this.own.left) {
      for (const probe of failed) this.judgement.probeFailed(probe, nowMs)
      this.judgement.expire(nowMs)
      this.prober.begin(nowMs)
      if (nowMs >= this.nextDigestMs) this.writeRoutineDigest(nowMs)
      if (nowMs >= this.nextSyncMs) this.sync(nowMs)
      if (nowMs >= this.profiles.dueMs) this.profiles.askAgain(nowMs)
    }
    if (nowMs >= this.spreading.dueMs) this.spreading.gossip(nowMs)
    this.plan(nowMs)
  }

  private slept(ms: number, nowMs: number): void {
    // More than the time slept: what was due when it began would be due at once, before anything
    // that waits in the sockets has been read.
    this.prober.forgive(ms + limits.directTimeoutMs)
    this.accusations.forgive(ms + limits.drowsyMs)
    this.health.worsen(1)
    // Nobody passed news on to one who did not answer: what was missed has to be asked for, before
    // old accusations that waited in the sockets lead to new ones.
    if (ms > limits.probeTimeoutMs) {
      this.nextSyncMs = nowMs
      this.spreading.rumours.forgetAllClaims()
      this.drowsyUntilMs = nowMs + limits.drowsyMs
      this.sleptMs = ms
    }
    this.outbox.event({ kind: 'slept', ms })
  }

  private plan(nowMs: number): void {
    let next = Math.min(this.prober.pendingMs, this.spreading.dueMs)
    if (!this.own.left) {
      // As soon as the last one is as old as the shortest interval.
      if (this.hasNews(nowMs)) {
        const shortestMs = digestIntervalMs(this.roster.meshSize)
        this.nextDigestMs = Math.min(this.nextDigestMs, this.own.held.writtenMs + shortestMs)
      }
      const others = Math.min(this.accusations.nextDueMs, this.prober.dueMs, this.profiles.dueMs)
      next = Math.min(next, others, this.nextDigestMs, this.nextSyncMs)
    }
    // Never in the past: what has just become due is not late.
    this.wakeAtMs = Math.max(next, nowMs)
  }

  // ── This node's own records ───────────────────────────────────────────────────────────────────

  refute(claim: Claim, from: PeerId, nowMs: number): void {
    if (claim.incarnation < this.own.incarnation) {
      // Refuted long since. Who says it of its own must have missed that.
      if (this.lifeguard && claim.by === from) this.tellSelf(from, nowMs)
      return
    }
    if (this.own.left) return
    if (claim.incarnation > this.own.incarnation) {
      // An invention, and outrunning it would use up the numbers; or an earlier life whose disk was
      // lost. Its digest, which only this key can have signed, would prove it.
      this.outbox.ignore('claimAheadOfDigest')
      return this.askFor(this.self.id, from, nowMs)
    }
    this.own.outrun(claim.incarnation)
    this.health.worsen(1)
    if (this.lifeguard && claim.rank === rankOf.dead) this.compareWith(from, nowMs)
    this.announce(nowMs)
    this.outbox.event({ kind: 'refuted', incarnation: this.own.incarnation, by: claim.by })
  }

  /**
   * Called dead, this node was cut off, and has buried others as they have buried it: whoever it can
   * hear again sets both right. It may believe that nobody is left whom a routine comparison asks;
   * and what comes of this one is known to others when it has been put to whom it is about.
   */
  private compareWith(peer: PeerId, nowMs: number): void {
    this.nextSyncMs = nowMs
    this.syncHaste = limits.syncHasteMax
    for (const summary of summaries(this.roster, this.own.digest, nowMs))
      this.outbox.send(peer, { kind: 'summary', value: summary })
  }

  private tellSelf(to: PeerId, nowMs: number): void {
    const news: News = { claims: [], digests: [carry(this.own.held, nowMs)] }
    this.outbox.send(to, { kind: 'gossip', value: { news } })
  }

  private isCharged(news: News): boolean {
    return this.lifeguard && news.claims.some(({ about }) => about === this.self.id)
  }

  /** Whoever puts a charge to this node shall have its newest word, whatever else is news. */
  private addOwnWord(news: News, nowMs: number): void {
    if (news.digests.some(({ owner }) => owner === this.self.id)) return
    news.digests.push(carry(this.own.held, nowMs))
  }

  /** Something of ours that we did not write: an earlier life whose disk was lost, or a copied key. */
  outrun(incarnation: number, nowMs: number): void {
    this.own.outrun(incarnation)
    this.announce(nowMs)
    if (++this.clashes > CLASHES_TOLERATED) this.outbox.event({ kind: 'identityClash' })
  }

  private writeDigest(nowMs: number): void {
    this.own.write(nowMs, this.digestEveryMs, this.health.score)
  }

  private writeRoutineDigest(nowMs: number): void {
    const { meshSize } = this.roster
    this.digestEveryMs = nextDigestIntervalMs(this.digestEveryMs, this.isUnrest(nowMs), meshSize)
    this.writeDigest(nowMs)
    this.nextDigestMs = nowMs + this.digestEveryMs
    this.spreading.tellOwnLoad(this.own.held)
  }

  /** What this node has to tell; or that others are to learn who is here. */
  private hasNews(nowMs: number): boolean {
    return this.isUnrest(nowMs) || this.own.hasNews(this.health.score)
  }

  /** Somebody came or went a short while ago. */
  private isUnrest(nowMs: number): boolean {
    return nowMs - this.roster.movedMs < limits.unrestMs
  }

  /** Writes a digest that cannot wait, and sends it. */
  private announce(nowMs: number): void {
    this.writeDigest(nowMs)
    this.spreading.tellOwnUrgent(this.own.held)
    this.spreading.gossip(nowMs)
    this.plan(nowMs)
  }

  private sync(nowMs: number): void {
    const intervalMs = syncIntervalMs(this.roster.meshSize) / this.syncHaste
    this.nextSyncMs = nowMs + intervalMs * (0.75 + 0.5 * this.entropy.unit())
    this.syncHaste = Math.max(1, this.syncHaste / 2)
    for (const member of this.roster.some(this.entropy, limits.syncPeers)) {
      for (const summary of summaries(this.roster, this.own.digest, nowMs)) {
        this.outbox.send(member.id, { kind: 'summary', value: summary })
      }
    }
    for (const gone of this.roster.reapable(nowMs)) {
      this.roster.remove(gone)
      this.outbox.event({ kind: 'reaped', id: gone.id })
    }
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────

  receive(from: PeerId, frame: MembershipFrame, nowMs: number): void {
    if (from === this.self.id) return
    const urgentBefore = this.spreading.rumours.urgent
    const sender = this.roster.get(from)
    if (sender) {
      sender.heardMs = nowMs
      sender.byOthers = 0
    }
    this.handle(from, frame, nowMs)
    // A ping has its answer already.
    if (sender?.charge && frame.kind !== 'ping') this.judgement.remind(sender, nowMs)
    if (!sender && frame.kind !== 'repair' && !this.roster.get(from)) this.askFor(from, from, nowMs)
    this.profiles.ask(from, nowMs)
    if (!urgentBefore && this.spreading.rumours.urgent && !this.own.left)
      this.spreading.gossip(nowMs)
    this.plan(nowMs)
  }

  private handle(from: PeerId, frame: MembershipFrame, nowMs: number): void {
    const { outbox, hearing } = this
    switch (frame.kind) {
      case 'ping': {
        this.hear(frame.value.news, from, nowMs)
        const news = this.spreading.newsFor(from, nowMs)
        if (this.isCharged(frame.value.news)) this.addOwnWord(news, nowMs)
        outbox.send(from, { kind: 'ack', value: { seq: frame.value.seq, news } })
        if (!this.own.left) this.prober.tendAlong(nowMs)
        return
      }
      case 'ack': {
        this.hear(frame.value.news, from, nowMs)
        const whose = this.prober.acknowledged(from, frame.value.seq, nowMs)
        // A suspect that was pinged in passing answers too; so does a ping's second copy.
        if (whose === 'nobodys' && frame.value.seq !== 0) outbox.ignore('ackNotAwaited')
        if (whose === 'own' && this.own.left) this.farewells++
        return
      }
      case 'pingRequest':
        this.hear(frame.value.news, from, nowMs)
        return this.prober.relay(from, frame.value.seq, frame.value.target, nowMs)
      case 'nack':
        return this.prober.nacked(frame.value.seq)
      case 'gossip':
        return this.hear(frame.value.news, from, nowMs)
      case 'summary': {
        hearing.entries(frame.value.entries, from, nowMs)
        const { held, packedProfile } = this.own
        for (const repair of answerSummary(frame.value, this.roster, held, packedProfile, nowMs)) {
          outbox.send(from, { kind: 'repair', value: repair })
        }
        return
      }
      case 'repair': {
        // The answer to a question is never old news.
        hearing.news(frame.value.news, from, nowMs)
        this.profiles.hear(frame.value.profiles)
        for (const news of answerWant(frame.value.want, this.roster, this.own.held, nowMs)) {
          outbox.send(from, { kind: 'gossip', value: { news } })
        }
        return
      }
      case 'fetch': {
        const profiles = frame.value.profilesOf.flatMap((id) => this.packedProfileOf(id) ?? [])
        if (profiles.length > 0) outbox.send(from, { kind: 'profiles', value: { profiles } })
        return
      }
      case 'profiles':
        return this.profiles.hear(frame.value.profiles)
    }
  }

  /**
   * What waited in the sockets while this node slept accuses members that may long be back. What is
   * still true comes with the repair that was asked for on waking.
   */
  private hear(news: News, from: PeerId, nowMs: number): void {
    if (this.unheardMs(nowMs) === 0) return this.hearing.news(news, from, nowMs)
    const claims = news.claims.filter(({ about }) => about === this.self.id)
    this.hearing.news({ digests: news.digests, claims }, from, nowMs)
  }

  unheardMs(nowMs: number): number {
    return nowMs < this.drowsyUntilMs ? this.sleptMs : 0
  }

  isOwnNews(of: { incarnation: number; sequence: number }): boolean {
    return isNewer(of, this.own.held)
  }

  private packedProfileOf(id: PeerId): Uint8Array | undefined {
    return id === this.self.id ? this.own.packedProfile : this.roster.get(id)?.packedProfile
  }

  /** Asks a peer for a digest; each peer once in a while, whatever it says to be asked. */
  private askFor(id: PeerId, peer: PeerId, nowMs: number): void {
    if (nowMs - (this.asked.get(peer) ?? Number.NEGATIVE_INFINITY) < limits.peerAskedMs) return
    if (this.asked.size >= limits.peersAskedMax) this.asked.clear()
    this.asked.set(peer, nowMs)
    const news: News = { claims: [], digests: [] }
    this.outbox.send(peer, { kind: 'repair', value: { news, profiles: [], want: [id] } })
  }
}
