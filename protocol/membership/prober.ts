/**
 * Asking others whether they are there: whom, when, through whom, and what an answer or its
 * absence says. Whom to accuse is the core's decision.
 *
 * Each node keeps both its neighbours on the ring fresh: one not heard of for an interval is
 * pinged. Whatever comes from it counts, so that one ping and its answer serve both ends. So the
 * time until somebody looks has a bound at any size, at two frames a second for each node. A few
 * strays, to the one of some not heard of for longest, see what neighbours may not.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { below } from '../ports/entropy.ts'
import type { Charge } from './charge.ts'
import { limits } from './limits.ts'
import type { LocalHealth } from './local-health.ts'
import type { Outbox } from './outbox.ts'
import type { Probe } from './probes.ts'
import { Probes } from './probes.ts'
import type { Member, Roster } from './roster.ts'
import type { Spreading } from './spreading.ts'

/** Members looked at for the one not heard of for longest; a smaller mesh is looked at whole. */
const SAMPLE = 8
/** Share of an interval by which turns differ, so that two do not ask each other at once. */
const JITTER = 0.1

export class Prober {
  private readonly probes: Probes
  private readonly roster: Roster
  private readonly health: LocalHealth
  private readonly spreading: Spreading
  private readonly outbox: Outbox
  private readonly entropy: Entropy
  /** How often a neighbour is looked at that is not heard of; a new one is obeyed at once. */
  intervalMs: number
  private readonly lifeguard: boolean
  /** When this node last looked at its neighbours, and by what share it is later for the next time. */
  private tendedMs: number
  private lateShare: number
  private nextStrayMs: number
  private nextReviveMs: number

  constructor(
    roster: Roster,
    health: LocalHealth,
    spreading: Spreading,
    outbox: Outbox,
    entropy: Entropy,
    options: { probeIntervalMs: number; lifeguard: boolean },
    nowMs: number,
  ) {
    this.roster = roster
    this.health = health
    this.spreading = spreading
    this.outbox = outbox
    this.entropy = entropy
    this.intervalMs = options.probeIntervalMs
    this.lifeguard = options.lifeguard
    this.probes = new Probes(entropy.uint32())
    this.tendedMs = nowMs
    this.lateShare = -entropy.unit()
    this.nextStrayMs = nowMs + entropy.unit() * this.strayIntervalMs
    this.nextReviveMs = nowMs + entropy.unit() * limits.reviveIntervalMs
  }

  /** When something under way is due, farewells included. */
  get pendingMs(): number {
    return this.probes.nextDueMs()
  }

  get dueMs(): number {
    const reviveMs = this.roster.anyGone ? this.nextReviveMs : Number.POSITIVE_INFINITY
    return Math.min(this.tendDueMs, this.nextStrayMs, reviveMs)
  }

  /** Put off by whatever a neighbour sends, so that an idle host is not woken to find all well. */
  private get tendDueMs(): number {
    let oldestMs = Number.POSITIVE_INFINITY
    for (const { heardMs } of this.roster.neighbours()) {
      const asked = this.tendedMs - heardMs >= this.silenceMs
      oldestMs = Math.min(oldestMs, asked ? this.tendedMs : heardMs)
    }
    return oldestMs + this.patienceMs
  }

  /** One that doubts itself waits longer for answers, and looks as often as ever. */
  private get patienceMs(): number {
    return this.intervalMs * (1 + this.lateShare)
  }

  /** A neighbour that has been silent for so long is asked. */
  private get silenceMs(): number {
    return this.intervalMs * (1 - JITTER)
  }

  /** Starts what it is time for. */
  begin(nowMs: number): void {
    if (nowMs >= this.tendDueMs) this.tendNeighbours(nowMs)
    if (nowMs >= this.nextStrayMs) this.stray(nowMs)
    if (nowMs >= this.nextReviveMs && this.roster.anyGone) this.revive(nowMs)
  }

  /** Moves probes on. Returns those that failed: their targets have not answered anybody. */
  advance(nowMs: number): Probe[] {
    const failed: Probe[] = []
    for (let due = this.probes.takeDue(nowMs); due; due = this.probes.takeDue(nowMs)) {
      const [probe, step] = due
      if (step === 'failed') failed.push(probe)
      else {
        this.spreading.pingBare(probe.target, probe.seq, nowMs, probe.charges[0])
        if (step !== 'again') this.askProxies(probe, nowMs)
      }
    }
    for (const { origin, originSeq } of this.probes.takeFailedRelays(nowMs)) {
      if (this.lifeguard) this.outbox.send(origin, { kind: 'nack', value: { seq: originSeq } })
    }
    return failed
  }

  /**
   * Awake for somebody's question: the next on the ring is asked now if it would be soon. So one
   * question goes round a quiet mesh, and wakes each host once instead of at many times of its own;
   * and what is news goes round with it. One way only, or two of them would meet and ask twice.
   */
  tendAlong(nowMs: number): void {
    const [next] = this.roster.neighbours()
    if (!next || nowMs - next.heardMs < this.silenceMs * limits.alongShare) return
    if (!this.isProbing(next)) this.probe(next, nowMs)
  }

  isProbing(member: Member): boolean {
    return this.probes.of(member.id) !== undefined
  }

  probe(member: Member, nowMs: number): void {
    if (!this.probes.full) this.start(member, nowMs, this.health.stretch(1))
  }

  /**
   * Puts a charge to the accused, who can answer it before everybody; what comes of it is known
   * when the probe ends. False when there is no room for another question.
   */
  confront(member: Member, charge: Charge, nowMs: number): boolean {
    const underWay = this.probes.of(member.id)
    if (!underWay && this.probes.full) return false
    // In no doubt about itself: it is not this node alone that asks in vain.
    const probe = underWay ?? this.probes.start(member.id, nowMs, 1)
    const { charges } = probe
    const isKnown = charges.some(({ rank, by }) => rank === charge.rank && by === charge.by)
    if (isKnown || charges.length >= limits.chargesAtOnceMax) return true
    charges.push(charge)
    if (charges.length === 1) this.spreading.pingBare(member.id, probe.seq, nowMs, charge)
    return true
  }

  /** The transport says that the member cannot be reached, or that its connection broke. */
  suspectConnection(member: Member, unreachable: boolean, nowMs: number): void {
    if (!this.isProbing(member)) this.probe(member, nowMs)
    const probe = this.probes.of(member.id)
    if (probe && unreachable) this.probes.hasten(probe, nowMs)
  }

  /** Asks for an acknowledgement that is waited for without doubt or haste. */
  farewell(member: Member, nowMs: number): void {
    this.start(member, nowMs, 1)
  }

  relay(origin: PeerId, originSeq: number, target: PeerId, nowMs: number): void {
    if (target === this.roster.self || !this.roster.get(target)) return
    const seq = this.probes.relay(origin, originSeq, nowMs)
    if (seq !== undefined) this.spreading.pingBare(target, seq, nowMs)
  }

  nacked(seq: number): void {
    this.probes.nack(seq)
  }

  /** Whose ping the acknowledgement answers: this node's own, one's that it pinged for, nobody's. */
  acknowledged(from: PeerId, seq: number, nowMs: number): 'own' | 'relayed' | 'nobodys' {
    const relay = this.probes.finishRelay(seq)
    if (relay) {
      const news = this.spreading.newsFor(relay.origin, nowMs)
      this.outbox.send(relay.origin, { kind: 'ack', value: { seq: relay.originSeq, news } })
      return 'relayed'
    }
    const probe = this.probes.finish(seq)
    if (!probe) return 'nobodys'
    this.health.improve()
    const member = this.roster.get(probe.target)
    if (!member) return 'own'
    if (from === probe.target && probe.stage === 'first') member.roundTripMs = nowMs - probe.beganMs
    else member.heardMs = nowMs
    if (from !== probe.target) this.heardByOthers(member)
    return 'own'
  }

  private heardByOthers(member: Member): void {
    const times = member.byOthers + 1
    member.byOthers = times % limits.byOthersMax
    if (times === limits.byOthersMax) this.outbox.unheard(member.id)
  }

  /** It was we who slept: nobody had the time to answer us. */
  forgive(ms: number): void {
    this.probes.forgive(ms)
  }

  private tendNeighbours(nowMs: number): void {
    for (const neighbour of this.roster.neighbours()) {
      const silent = nowMs - neighbour.heardMs >= this.silenceMs
      if (silent && !this.isProbing(neighbour)) this.probe(neighbour, nowMs)
    }
    this.tendedMs = nowMs
    // Whoever of two neighbours is first asks for both.
    this.lateShare = JITTER * this.entropy.unit()
  }

  private stray(nowMs: number): void {
    const intervalMs = this.health.stretch(this.strayIntervalMs)
    this.nextStrayMs = nowMs + intervalMs * (1 + JITTER * (2 * this.entropy.unit() - 1))
    const member = this.chooseStray()
    if (member) this.probe(member, nowMs)
  }

  /** Few in a small mesh, where each node is many others' neighbour or hears of them all the time. */
  private get strayIntervalMs(): number {
    const small = this.roster.meshSize <= SAMPLE
    return this.intervalMs * (small ? limits.strayTimesSmall : limits.strayTimes)
  }

  private start(member: Member, nowMs: number, stretch: number): void {
    const probe = this.probes.start(member.id, nowMs, stretch)
    this.spreading.ping(member.id, probe.seq, nowMs)
  }

  private chooseStray(): Member | undefined {
    const standing = this.roster.standingMembers()
    let oldest: Member | undefined
    const tries = Math.min(SAMPLE, standing.length)
    const start = below(this.entropy, Math.max(1, standing.length))
    for (let i = 0; i < tries; i++) {
      const at = standing.length <= SAMPLE ? start + i : below(this.entropy, standing.length)
      const member = standing[at % standing.length] as Member
      if (this.isProbing(member)) continue
      if (!oldest || member.heardMs < oldest.heardMs) oldest = member
    }
    return oldest
  }

  private askProxies(probe: Probe, nowMs: number): void {
    for (const proxy of this.roster.some(this.entropy, limits.proxies, probe.target)) {
      probe.proxiesAsked++
      const news = this.spreading.newsFor(proxy.id, nowMs)
      const value = { seq: probe.seq, target: probe.target, news }
      this.outbox.send(proxy.id, { kind: 'pingRequest', value })
    }
  }

  /** Tries one of the dead, so that a healed partition joins up by itself. */
  private revive(nowMs: number): void {
    this.nextReviveMs = nowMs + limits.reviveIntervalMs * (0.75 + 0.5 * this.entropy.unit())
    const dead = this.roster.dead()
    const member = dead[below(this.entropy, Math.max(1, dead.length))]
    if (member) this.spreading.pingBare(member.id, 0, nowMs)
  }
}
