/**
 * Who is alive: SWIM with Lifeguard, as a state machine. Feed it frames, the time and what the
 * transport noticed; take out frames to send, events, and complaints about peers. It owns no clock,
 * socket or promise, and the same inputs give the same outputs.
 *
 * What the driver must do: call `wake` at `wakeAtMs` or later (how much later is an input: a late
 * wake-up means that this host slept, not the others), `receive` for each frame, and `takeOutput`
 * after either. Frames may be lost, doubled and reordered.
 */
import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { below } from '../ports/entropy.ts'
import type { Digest, LoadRecord, Profile, Seal, Signed } from './digest.ts'
import {
  digestIsGenuine,
  labelsHash,
  profileHash,
  profileIsGenuine,
  readDigest,
  readProfile,
  sameBytes,
  sealDigest,
  sealProfile,
} from './digest.ts'
import { digestIntervalMs, limits, sendsOf, suspicionBoundsMs, syncIntervalMs } from './limits.ts'
import { LocalHealth } from './local-health.ts'
import type { CarriedDigest, Claim, MembershipFrame, News } from './messages.ts'
import type { Probe } from './probes.ts'
import { Probes } from './probes.ts'
import { answerSummary, digestBytes, summaries } from './repair.ts'
import type { Member, MemberState } from './roster.ts'
import { isNewer, isStanding, Roster, rankOf, stateOf, supersedes } from './roster.ts'
import type { HeldDigest } from './rumours.ts'
import { carry, Rumours } from './rumours.ts'
import { Suspicion } from './suspicion.ts'

export type MembershipEvent =
  | { kind: MemberState; id: PeerId; incarnation: number; by: PeerId; firstTime: boolean }
  | { kind: 'refuted'; incarnation: number; by: PeerId }
  | { kind: 'profile'; id: PeerId; firstTime: boolean }
  | { kind: 'reaped'; id: PeerId }
  | { kind: 'slept'; ms: number }
  /** Someone else signs with this node's key: the data directory was copied. */
  | { kind: 'identityClash' }

export type PeerFault = 'forgedDigest' | 'forgedProfile' | 'garbledDigest'

export interface Output {
  sends: { to: PeerId; frame: MembershipFrame }[]
  events: MembershipEvent[]
  faults: { peer: PeerId; why: PeerFault }[]
}

export interface SelfDescription {
  id: PeerId
  seal: Seal
  profile: Omit<Profile, 'owner' | 'incarnation'>
  wireVersion: number
  /** Higher than in any earlier life of this node, as far as its disk remembers. */
  incarnation: number
}

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
  readonly ignored: Record<string, number> = {}
  /** Since when; how late `wake` comes is measured against it. */
  wakeAtMs: number
  farewells = 0

  private readonly self: SelfDescription
  private readonly entropy: Entropy
  private readonly options: MembershipOptions
  private readonly rumours = new Rumours()
  private readonly probes: Probes
  private readonly suspects = new Set<Member>()
  private output: Output = { sends: [], events: [], faults: [] }

  private incarnation: number
  private sequence = 0
  private left = false
  private clashes = 0
  private load: LoadRecord | undefined
  private runningAttempts = 0
  private own!: HeldDigest
  private ownDigest!: Digest
  private ownProfile!: Signed
  private ownProfileHash!: Uint8Array

  private nextProbeMs: number
  private nextGossipMs: number
  private nextDigestMs: number
  private nextSyncMs: number
  private nextReviveMs: number
  /** After a sleep: until then, what is heard may be old. */
  private drowsyUntilMs = Number.NEGATIVE_INFINITY
  private ringTurn = 0
  /** Members whose profile the frame being received showed to be missing. */
  private profilesMissing: PeerId[] = []

  constructor(self: SelfDescription, entropy: Entropy, nowMs: number, options: MembershipOptions) {
    this.self = self
    this.entropy = entropy
    this.options = options
    this.roster = new Roster(self.id)
    this.health = new LocalHealth(options.lifeguard)
    this.incarnation = self.incarnation
    this.probes = new Probes(entropy.uint32())
    this.sealOwnProfile()
    this.writeDigest(nowMs)
    this.nextProbeMs = nowMs + entropy.unit() * options.probeIntervalMs
    this.nextGossipMs = nowMs
    this.nextDigestMs = nowMs + entropy.unit() * limits.digestIntervalMs
    this.nextSyncMs = nowMs + entropy.unit() * limits.syncIntervalMs
    this.nextReviveMs = nowMs + entropy.unit() * limits.reviveIntervalMs
    this.wakeAtMs = nowMs
    this.plan(nowMs)
  }

  get digest(): Digest {
    return this.ownDigest
  }

  get profile(): Profile {
    return { ...this.self.profile, owner: this.self.id, incarnation: this.incarnation }
  }

  takeOutput(): Output {
    const taken = this.output
    this.output = { sends: [], events: [], faults: [] }
    return taken
  }

  // ── What the host says ────────────────────────────────────────────────────────────────────────

  /** The newest figures; they travel with the next digest, or at once when `urgent`. */
  report(load: LoadRecord, runningAttempts: number, nowMs: number, urgent = false): void {
    this.load = load
    this.runningAttempts = runningAttempts
    if (urgent) this.announce(nowMs)
  }

  describe(profile: Omit<Profile, 'owner' | 'incarnation'>, nowMs: number): void {
    this.self.profile = profile
    this.sealOwnProfile()
    this.announce(nowMs)
  }

  /** Introduces this node to a peer and asks for all it knows. */
  greet(peer: PeerId, nowMs: number): void {
    if (peer === this.self.id) return
    const news: News = { claims: [], digests: [carry(this.own, nowMs)] }
    this.send(peer, { kind: 'repair', value: { news, profiles: [this.ownProfile], want: [peer] } })
    for (const summary of summaries(this.roster, this.ownDigest)) {
      this.send(peer, { kind: 'summary', value: summary })
    }
    this.plan(nowMs)
  }

  /** Says farewell. `farewells` then counts those who have acknowledged it. */
  leave(nowMs: number): void {
    this.left = true
    this.announce(nowMs)
    for (const member of this.roster.some(this.entropy, limits.ownDigestSends)) {
      this.sendPing(member.id, this.probes.start(member.id, nowMs, 1).seq, nowMs, true)
    }
  }

  /** The transport lost its connection to a peer, or could not reach it at all. */
  hint(peer: PeerId, what: 'connectionLost' | 'unreachable', nowMs: number): void {
    const member = this.roster.get(peer)
    if (!member || member.slot < 0 || this.left) return
    const probe = this.probes.of(peer) ?? this.startProbe(member, nowMs)
    if (probe && what === 'unreachable') this.probes.hasten(probe, nowMs)
    this.plan(nowMs)
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  wake(nowMs: number): void {
    const lateMs = nowMs - this.wakeAtMs
    if (this.options.lifeguard && lateMs > limits.latenessToleratedMs) this.slept(lateMs, nowMs)
    this.advanceProbes(nowMs)
    if (!this.left) {
      this.expireSuspicions(nowMs)
      if (nowMs >= this.nextProbeMs) this.probeNext(nowMs)
      if (nowMs >= this.nextDigestMs) this.writeRoutineDigest(nowMs)
      if (nowMs >= this.nextReviveMs) this.revive(nowMs)
      if (nowMs >= this.nextSyncMs) this.sync(nowMs)
    }
    if (this.rumours.urgent && nowMs >= this.nextGossipMs) this.gossip(nowMs)
    this.plan(nowMs)
  }

  private slept(ms: number, nowMs: number): void {
    // More than the time slept: what was due when it began would be due at once, before anything
    // that waits in the sockets has been read.
    this.probes.forgive(ms + limits.directTimeoutMs)
    for (const member of this.suspects) member.suspicion?.forgive(ms + limits.drowsyMs)
    this.health.worsen(1)
    // Nobody passed news on to one who did not answer: what was missed has to be asked for, before
    // old accusations that waited in the sockets lead to new ones.
    if (ms > limits.probeTimeoutMs) {
      this.nextSyncMs = nowMs
      this.rumours.forgetAllClaims()
      this.drowsyUntilMs = nowMs + limits.drowsyMs
    }
    this.event({ kind: 'slept', ms })
  }

  private plan(nowMs: number): void {
    let next = this.probes.nextDueMs()
    if (!this.left) {
      for (const member of this.suspects) next = Math.min(next, member.suspicion?.dueMs ?? next)
      next = Math.min(next, this.nextProbeMs, this.nextDigestMs, this.nextReviveMs, this.nextSyncMs)
    }
    if (this.rumours.urgent) next = Math.min(next, this.nextGossipMs)
    // Never in the past: what has just become due is not late.
    this.wakeAtMs = Math.max(next, nowMs)
  }

  // ── Probing ───────────────────────────────────────────────────────────────────────────────────

  private probeNext(nowMs: number): void {
    const intervalMs = this.health.stretch(this.options.probeIntervalMs)
    this.nextProbeMs = nowMs + intervalMs * (0.9 + 0.2 * this.entropy.unit())
    const member = this.chooseTarget()
    if (member) this.startProbe(member, nowMs)
  }

  /**
   * In turn a ring neighbour, which bounds the time until somebody looks, and of a few chosen at
   * random the one not heard of for longest, which wastes no ping on who has just spoken.
   */
  private chooseTarget(): Member | undefined {
    const standing = this.roster.standingMembers()
    if (standing.length > SAMPLE && this.ringTurn++ % 2 === 0) {
      const watched = this.roster.watched()
      const neighbour = watched[(this.ringTurn >> 1) % watched.length]
      if (neighbour && !this.probes.of(neighbour.id)) return neighbour
    }
    let oldest: Member | undefined
    const tries = Math.min(SAMPLE, standing.length)
    const start = below(this.entropy, Math.max(1, standing.length))
    for (let i = 0; i < tries; i++) {
      const at = standing.length <= SAMPLE ? start + i : below(this.entropy, standing.length)
      const member = standing[at % standing.length] as Member
      if (this.probes.of(member.id)) continue
      if (!oldest || member.heardMs < oldest.heardMs) oldest = member
    }
    return oldest
  }

  private startProbe(member: Member, nowMs: number): Probe | undefined {
    if (this.probes.full) return undefined
    const probe = this.probes.start(member.id, nowMs, this.health.stretch(1))
    this.sendPing(member.id, probe.seq, nowMs, true)
    return probe
  }

  private advanceProbes(nowMs: number): void {
    for (let due = this.probes.takeDue(nowMs); due; due = this.probes.takeDue(nowMs)) {
      const [probe, step] = due
      if (step === 'failed') this.probeFailed(probe, nowMs)
      else {
        this.sendPing(probe.target, probe.seq, nowMs, false)
        if (step !== 'again') this.askProxies(probe, nowMs)
      }
    }
    for (const relay of this.probes.takeFailedRelays(nowMs)) {
      if (this.options.lifeguard)
        this.send(relay.origin, { kind: 'nack', value: { seq: relay.originSeq } })
    }
  }

  private askProxies(probe: Probe, nowMs: number): void {
    for (const proxy of this.roster.some(this.entropy, limits.proxies, probe.target)) {
      probe.proxiesAsked++
      const news = this.newsFor(proxy.id, nowMs)
      this.send(proxy.id, {
        kind: 'pingRequest',
        value: { seq: probe.seq, target: probe.target, news },
      })
    }
  }

  private probeFailed(probe: Probe, nowMs: number): void {
    if (this.left) return
    this.health.worsen(probe.proxiesAsked > 0 ? probe.proxiesAsked - probe.nacks : 1)
    const member = this.roster.get(probe.target)
    if (!member || member.slot < 0 || member.heardMs >= probe.beganMs) return
    this.accuse(member, this.self.id, member.incarnation, nowMs)
  }

  // ── Accusation, death, refutation ─────────────────────────────────────────────────────────────

  private accuse(member: Member, by: PeerId, incarnation: number, nowMs: number): void {
    const claim: Claim = { about: member.id, rank: rankOf.suspect, incarnation, by }
    const sends = this.claimSends()
    if (member.suspicion && member.incarnation === incarnation) {
      const counts = this.options.lifeguard && member.suspicion.confirm(by)
      if (counts) this.rumours.addClaim(claim, sends)
      else this.rumours.heardClaim(member.id)
      return
    }
    const size = this.roster.meshSize
    const bounds = suspicionBoundsMs(size)
    const wanted = this.options.lifeguard
      ? Math.max(0, Math.min(limits.confirmations, size - 2))
      : 0
    this.roster.move(member, 'suspect', incarnation, nowMs)
    member.suspicion = new Suspicion(incarnation, by, nowMs, wanted, bounds)
    this.suspects.add(member)
    this.rumours.forgetClaims(member.id)
    this.rumours.addClaim(claim, sends)
    this.event({ kind: 'suspect', id: member.id, incarnation, by, firstTime: false })
    if (by === this.self.id) this.sendPing(member.id, 0, nowMs, false)
    else if (this.roster.watches(member) && !this.probes.of(member.id))
      this.startProbe(member, nowMs)
  }

  private expireSuspicions(nowMs: number): void {
    for (const member of this.suspects) {
      const { suspicion } = member
      if (!suspicion) this.suspects.delete(member)
      else if (nowMs >= suspicion.deadlineMs) {
        this.declareDead(member, this.self.id, member.incarnation, nowMs)
      } else if (nowMs >= suspicion.dueMs) this.inquire(member, suspicion)
    }
  }

  /** A last question before the verdict, to others: a refutation may have missed this node. */
  private inquire(member: Member, suspicion: Suspicion): void {
    suspicion.inquired = true
    if (!this.options.lifeguard) return
    for (const witness of this.roster.some(this.entropy, limits.witnesses, member.id)) {
      const news: News = { claims: [], digests: [] }
      this.send(witness.id, { kind: 'repair', value: { news, profiles: [], want: [member.id] } })
    }
  }

  private declareDead(member: Member, by: PeerId, incarnation: number, nowMs: number): void {
    this.roster.move(member, 'dead', incarnation, nowMs)
    this.suspects.delete(member)
    this.rumours.forget(member.id)
    this.rumours.addClaim(
      { about: member.id, rank: rankOf.dead, incarnation, by },
      this.claimSends(),
    )
    this.event({ kind: 'dead', id: member.id, incarnation, by, firstTime: false })
  }

  private refute(claim: Claim, nowMs: number): void {
    if (claim.incarnation < this.incarnation || this.left) return
    this.incarnation = claim.incarnation + 1
    this.sequence = 0
    this.health.worsen(1)
    if (this.options.lifeguard && claim.rank === rankOf.dead) this.nextSyncMs = nowMs
    this.announce(nowMs)
    this.event({ kind: 'refuted', incarnation: this.incarnation, by: claim.by })
  }

  // ── This node's own records ───────────────────────────────────────────────────────────────────

  private sealOwnProfile(): void {
    this.ownProfile = sealProfile(this.profile, this.self.seal)
    this.ownProfileHash = profileHash(this.ownProfile)
  }

  private writeDigest(nowMs: number): void {
    this.sequence++
    this.ownDigest = {
      owner: this.self.id,
      incarnation: this.incarnation,
      sequence: this.sequence,
      left: this.left,
      wireVersion: this.self.wireVersion,
      agentVersion: this.self.profile.agentVersion,
      profileHash: this.ownProfileHash,
      labelsHash: labelsHash(this.self.profile.labels),
      localHealth: this.health.score,
      runningAttempts: this.runningAttempts,
      intervalMs: Math.round(digestIntervalMs(this.roster.meshSize)),
      ...(this.load ? { load: this.load } : {}),
    }
    const signed = sealDigest(this.ownDigest, this.self.seal)
    this.own = hold(this.ownDigest, signed, nowMs)
  }

  private writeRoutineDigest(nowMs: number): void {
    this.writeDigest(nowMs)
    this.nextDigestMs = nowMs + digestIntervalMs(this.roster.meshSize)
    this.rumours.addLoad(this.own, Math.max(this.loadSends(), limits.ownDigestSends))
  }

  /** Writes a digest that cannot wait, and sends it. */
  private announce(nowMs: number): void {
    this.writeDigest(nowMs)
    this.rumours.addUrgent(this.own, Math.max(this.claimSends(), limits.ownDigestSends))
    this.nextGossipMs = nowMs
    this.gossip(nowMs)
    this.plan(nowMs)
  }

  // ── Spreading ─────────────────────────────────────────────────────────────────────────────────

  private gossip(nowMs: number): void {
    this.nextGossipMs = nowMs + limits.gossipIntervalMs
    for (const member of this.roster.some(this.entropy, limits.fanout)) {
      const news = this.newsFor(member.id, nowMs)
      if (news.claims.length + news.digests.length === 0) continue
      this.send(member.id, { kind: 'gossip', value: { news } })
    }
  }

  private sync(nowMs: number): void {
    this.nextSyncMs =
      nowMs + syncIntervalMs(this.roster.meshSize) * (0.75 + 0.5 * this.entropy.unit())
    for (const member of this.roster.some(this.entropy, limits.syncPeers))
      this.greet(member.id, nowMs)
    for (const gone of this.roster.reapable(nowMs)) {
      this.roster.remove(gone)
      this.event({ kind: 'reaped', id: gone.id })
    }
  }

  private revive(nowMs: number): void {
    this.nextReviveMs = nowMs + limits.reviveIntervalMs * (0.75 + 0.5 * this.entropy.unit())
    const dead: Member[] = []
    for (const member of this.roster.all()) if (member.state === 'dead') dead.push(member)
    const member = dead[below(this.entropy, Math.max(1, dead.length))]
    if (member) this.sendPing(member.id, 0, nowMs, false)
  }

  private newsFor(to: PeerId, nowMs: number): News {
    const news = this.rumours.take(to, nowMs, limits.newsBytesMax)
    const member = this.roster.get(to)
    if (!member || member.state === 'alive') return news
    if (member.state === 'left') news.digests.push(carry(member.held, nowMs))
    else if (this.options.lifeguard || member.state === 'dead')
      news.claims.unshift(claimOf(member, this.self.id))
    return news
  }

  private sendPing(to: PeerId, seq: number, nowMs: number, withNews: boolean): void {
    const news = withNews ? this.newsFor(to, nowMs) : { claims: this.wordTo(to), digests: [] }
    this.send(to, { kind: 'ping', value: { seq, news } })
  }

  /** A suspect or dead member hears what is said of it, so that it can object (Lifeguard's buddy). */
  private wordTo(to: PeerId): Claim[] {
    const member = this.roster.get(to)
    if (!member || (member.state !== 'suspect' && member.state !== 'dead')) return []
    return this.options.lifeguard || member.state === 'dead' ? [claimOf(member, this.self.id)] : []
  }

  private send(to: PeerId, frame: MembershipFrame): void {
    this.output.sends.push({ to, frame })
  }

  private event(event: MembershipEvent): void {
    this.output.events.push(event)
  }

  private claimSends(): number {
    return sendsOf(limits.claimSendsTimes, this.roster.meshSize)
  }

  private loadSends(): number {
    return sendsOf(limits.loadSendsTimes, this.roster.meshSize)
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────

  receive(from: PeerId, frame: MembershipFrame, nowMs: number): void {
    if (from === this.self.id) return
    const urgentBefore = this.rumours.urgent
    const sender = this.roster.get(from)
    if (sender) sender.heardMs = nowMs
    this.handle(from, frame, nowMs)
    if (!this.roster.get(from) && frame.kind !== 'repair') this.askWho(from)
    if (this.profilesMissing.length > 0) this.askProfiles(from)
    if (!urgentBefore && this.rumours.urgent && !this.left) this.gossip(nowMs)
    this.plan(nowMs)
  }

  private handle(from: PeerId, frame: MembershipFrame, nowMs: number): void {
    switch (frame.kind) {
      case 'ping':
        this.hear(frame.value.news, from, nowMs)
        this.send(from, {
          kind: 'ack',
          value: { seq: frame.value.seq, news: this.newsFor(from, nowMs) },
        })
        return
      case 'ack':
        this.hear(frame.value.news, from, nowMs)
        return this.acknowledged(from, frame.value.seq, nowMs)
      case 'pingRequest':
        this.hear(frame.value.news, from, nowMs)
        return this.relay(from, frame.value.seq, frame.value.target, nowMs)
      case 'nack':
        return this.probes.nack(frame.value.seq)
      case 'gossip':
        return this.hear(frame.value.news, from, nowMs)
      case 'summary': {
        const { value } = frame
        for (const entry of value.entries) this.hearEntry(entry, from, nowMs)
        for (const repair of answerSummary(value, this.roster, this.own, this.ownProfile, nowMs)) {
          this.send(from, { kind: 'repair', value: repair })
        }
        return
      }
      case 'repair':
        // The answer to a question is never old news.
        this.hearDigests(frame.value.news, from, nowMs)
        this.hearClaims(frame.value.news, nowMs)
        for (const signed of frame.value.profiles) this.hearProfile(signed, from)
        return this.answerWant(from, frame.value.want, nowMs)
      case 'fetch': {
        const profiles = frame.value.profilesOf.flatMap((id) => this.signedProfileOf(id) ?? [])
        if (profiles.length > 0) this.send(from, { kind: 'profiles', value: { profiles } })
        return
      }
      case 'profiles':
        for (const signed of frame.value.profiles) this.hearProfile(signed, from)
        return
    }
  }

  private acknowledged(from: PeerId, seq: number, nowMs: number): void {
    const relay = this.probes.finishRelay(seq)
    if (relay) {
      const news = this.newsFor(relay.origin, nowMs)
      return this.send(relay.origin, { kind: 'ack', value: { seq: relay.originSeq, news } })
    }
    const probe = this.probes.finish(seq)
    if (!probe) return
    this.health.improve()
    if (this.left) this.farewells++
    const member = this.roster.get(probe.target)
    if (!member) return
    if (from === probe.target && probe.stage === 'first') member.roundTripMs = nowMs - probe.beganMs
    else member.heardMs = nowMs
  }

  private relay(origin: PeerId, originSeq: number, target: PeerId, nowMs: number): void {
    if (target === this.self.id || !this.roster.get(target)) return
    const seq = this.probes.relay(origin, originSeq, nowMs)
    if (seq !== undefined) this.sendPing(target, seq, nowMs, false)
  }

  private hear(news: News, from: PeerId, nowMs: number): void {
    this.hearDigests(news, from, nowMs)
    // What waited in the sockets while this node slept accuses members that may long be back. What
    // is still true comes with the repair that was asked for on waking.
    const drowsy = this.options.lifeguard && nowMs < this.drowsyUntilMs
    this.hearClaims(drowsy ? this.aboutSelf(news) : news, nowMs)
  }

  private aboutSelf(news: News): News {
    return { digests: [], claims: news.claims.filter(({ about }) => about === this.self.id) }
  }

  private hearDigests(news: News, from: PeerId, nowMs: number): void {
    for (const carried of news.digests) this.hearDigest(carried, from, nowMs)
  }

  private hearClaims(news: News, nowMs: number): void {
    for (const claim of news.claims) this.hearClaim(claim, nowMs)
  }

  private hearClaim(claim: Claim, nowMs: number): void {
    if (claim.rank !== rankOf.suspect && claim.rank !== rankOf.dead)
      return this.ignore('claimOfUnknownRank')
    if (claim.about === this.self.id) return this.refute(claim, nowMs)
    const member = this.roster.get(claim.about)
    if (!member) return this.ignore('claimAboutStranger')
    const { incarnation } = claim
    if (claim.rank === rankOf.suspect) {
      const again = member.state === 'suspect' && member.incarnation === incarnation
      if (again || supersedes(claim, member)) this.accuse(member, claim.by, incarnation, nowMs)
      return
    }
    if (!supersedes(claim, member)) return this.rumours.heardClaim(claim.about)
    // Our own ears outweigh a report of death, and so may the member's own word, if only this node
    // had been awake to hear it: it gets its chance to object.
    const heardItself = nowMs - member.heardMs < limits.probeTimeoutMs
    const doubtful = heardItself || nowMs < this.drowsyUntilMs
    if (this.options.lifeguard && doubtful) this.accuse(member, claim.by, incarnation, nowMs)
    else this.declareDead(member, claim.by, incarnation, nowMs)
  }

  /** A summary's line that a member is dead or suspect is that peer's claim. */
  private hearEntry(
    entry: { about: PeerId; incarnation: number; rank: number },
    from: PeerId,
    nowMs: number,
  ): void {
    const state = stateOf(entry.rank)
    if (state !== 'suspect' && state !== 'dead') return
    const known = entry.about === this.self.id || this.roster.get(entry.about)
    if (known) this.hearClaim({ ...entry, by: from }, nowMs)
  }

  private hearDigest(carried: CarriedDigest, from: PeerId, nowMs: number): void {
    const { owner, incarnation, sequence } = carried
    if (owner === this.self.id) return this.hearOwnDigest(carried, from, nowMs)
    const member = this.roster.get(owner)
    if (member && !isNewer(carried, member.held)) {
      return this.rumours.heardDigest(owner, incarnation, sequence)
    }
    const digest = this.open(carried, from)
    if (!digest) return
    const held = hold(digest, carried.signed, nowMs - carried.ageMs)
    if (!member) return this.meet(digest, held, from, nowMs)
    member.digest = digest
    member.held = held
    const state: MemberState = digest.left ? 'left' : 'alive'
    if (supersedes({ incarnation, rank: rankOf[state] }, member)) {
      this.suspects.delete(member)
      const changed = member.state !== state
      this.roster.move(member, state, incarnation, nowMs)
      this.rumours.forgetClaims(owner)
      this.rumours.addUrgent(held, this.claimSends())
      if (changed) this.event({ kind: state, id: owner, incarnation, by: from, firstTime: false })
    } else this.rumours.addLoad(held, this.loadSends())
    this.wantProfile(member, nowMs)
  }

  private meet(digest: Digest, held: HeldDigest, from: PeerId, nowMs: number): void {
    if (digest.left) return
    if (this.roster.size >= limits.membersMax) return this.ignore('rosterFull')
    const { owner: id, incarnation } = digest
    const member = this.roster.add({
      id,
      state: 'alive',
      incarnation,
      stateSinceMs: nowMs,
      heardMs: from === id ? nowMs : Math.min(nowMs, held.writtenMs),
      digest,
      held,
    })
    this.rumours.addUrgent(held, this.claimSends())
    this.event({ kind: 'alive', id, incarnation, by: from, firstTime: true })
    this.wantProfile(member, nowMs)
  }

  /** Something of ours that we did not write: an earlier life whose disk was lost, or a copied key. */
  private hearOwnDigest(carried: CarriedDigest, from: PeerId, nowMs: number): void {
    if (!isNewer(carried, this.own) || !this.open(carried, from)) return
    this.incarnation = carried.incarnation + 1
    this.sequence = 0
    this.announce(nowMs)
    if (++this.clashes > CLASHES_TOLERATED) this.event({ kind: 'identityClash' })
  }

  private open(carried: CarriedDigest, from: PeerId): Digest | undefined {
    const digest = readDigest(carried.signed)
    if (
      !digest ||
      digest.owner !== carried.owner ||
      digest.incarnation !== carried.incarnation ||
      digest.sequence !== carried.sequence
    ) {
      this.output.faults.push({ peer: from, why: 'garbledDigest' })
      return undefined
    }
    if (digestIsGenuine(digest, carried.signed, this.self.seal)) {
      // One string for one peer, everywhere: what is compared by pointer needs no reading.
      digest.owner = carried.owner
      return digest
    }
    this.output.faults.push({ peer: from, why: 'forgedDigest' })
    return undefined
  }

  // ── Profiles and repair ───────────────────────────────────────────────────────────────────────

  private wantProfile(member: Member, nowMs: number): void {
    if (this.hasProfile(member)) return
    if (nowMs - member.profileAskedMs < limits.profileRetryMs) return
    member.profileAskedMs = nowMs
    this.profilesMissing.push(member.id)
  }

  private askProfiles(from: PeerId): void {
    const profilesOf = this.profilesMissing.splice(0).filter((id: PeerId) => {
      const member = this.roster.get(id)
      return member !== undefined && !this.hasProfile(member)
    })
    for (let i = 0; i < profilesOf.length; i += limits.profilesPerFrameMax) {
      const some = profilesOf.slice(i, i + limits.profilesPerFrameMax)
      this.send(from, { kind: 'fetch', value: { profilesOf: some } })
    }
  }

  private hasProfile(member: Member): boolean {
    return (
      member.profileHash !== undefined && sameBytes(member.profileHash, member.digest.profileHash)
    )
  }

  private hearProfile(signed: Signed, from: PeerId): void {
    const profile = readProfile(signed)
    const member = profile && this.roster.get(profile.owner)
    if (!profile || !member) return this.ignore('profileOfStranger')
    if (this.hasProfile(member)) return
    const hash = profileHash(signed)
    if (!sameBytes(hash, member.digest.profileHash)) return this.ignore('profileOutOfDate')
    if (!profileIsGenuine(profile, signed, this.self.seal)) {
      this.output.faults.push({ peer: from, why: 'forgedProfile' })
      return
    }
    const firstTime = member.profile === undefined
    member.profile = profile
    member.signedProfile = signed
    member.profileHash = hash
    this.event({ kind: 'profile', id: member.id, firstTime })
  }

  private signedProfileOf(id: PeerId): Signed | undefined {
    return id === this.self.id ? this.ownProfile : this.roster.get(id)?.signedProfile
  }

  private answerWant(from: PeerId, want: readonly PeerId[], nowMs: number): void {
    let news: News = { claims: [], digests: [] }
    let bytes = 0
    const flush = () => {
      if (news.digests.length > 0) this.send(from, { kind: 'gossip', value: { news } })
      news = { claims: [], digests: [] }
      bytes = 0
    }
    for (const id of new Set(want)) {
      const held = id === this.self.id ? this.own : this.roster.get(id)?.held
      if (!held) continue
      if (
        bytes + held.bytes > limits.repairBytesMax ||
        news.digests.length >= limits.digestsPerFrameMax
      )
        flush()
      bytes += held.bytes
      news.digests.push(carry(held, nowMs))
    }
    flush()
  }

  private askWho(peer: PeerId): void {
    const news: News = { claims: [], digests: [] }
    this.send(peer, { kind: 'repair', value: { news, profiles: [], want: [peer] } })
  }

  private ignore(why: string): void {
    this.ignored[why] = (this.ignored[why] ?? 0) + 1
  }
}

/** Members looked at for the one not heard of for longest; a smaller mesh is looked at whole. */
const SAMPLE = 8

function hold(digest: Digest, signed: Signed, writtenMs: number): HeldDigest {
  const { owner, incarnation, sequence } = digest
  return { owner, incarnation, sequence, signed, writtenMs, bytes: digestBytes(owner, signed) }
}

function claimOf(member: Member, by: PeerId): Claim {
  assert(
    !isStanding(member.state) || member.state === 'suspect',
    'only what is not alive is claimed',
  )
  return { about: member.id, rank: rankOf[member.state], incarnation: member.incarnation, by }
}
