/**
 * Asking others whether they are there: whom, when, through whom, and what an answer or its
 * absence says. Whom to accuse is the core's decision.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { below } from '../ports/entropy.ts'
import { limits } from './limits.ts'
import type { LocalHealth } from './local-health.ts'
import type { Outbox } from './outbox.ts'
import type { Probe } from './probes.ts'
import { Probes } from './probes.ts'
import type { Member, Roster } from './roster.ts'
import type { Spreading } from './spreading.ts'

/** Members looked at for the one not heard of for longest; a smaller mesh is looked at whole. */
const SAMPLE = 8

export class Prober {
  private readonly probes: Probes
  private readonly roster: Roster
  private readonly health: LocalHealth
  private readonly spreading: Spreading
  private readonly outbox: Outbox
  private readonly entropy: Entropy
  private readonly intervalMs: number
  private readonly lifeguard: boolean
  private nextMs: number
  private nextReviveMs: number
  private ringTurn = 0

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
    this.nextMs = nowMs + entropy.unit() * this.intervalMs
    this.nextReviveMs = nowMs + entropy.unit() * limits.reviveIntervalMs
  }

  /** When something under way is due, farewells included. */
  get pendingMs(): number {
    return this.probes.nextDueMs()
  }

  get dueMs(): number {
    return Math.min(this.nextMs, this.nextReviveMs)
  }

  /** Starts what it is time for. */
  begin(nowMs: number): void {
    if (nowMs >= this.nextMs) this.probeNext(nowMs)
    if (nowMs >= this.nextReviveMs) this.revive(nowMs)
  }

  /** Moves probes on. Returns those that failed: their targets have not answered anybody. */
  advance(nowMs: number): Probe[] {
    const failed: Probe[] = []
    for (let due = this.probes.takeDue(nowMs); due; due = this.probes.takeDue(nowMs)) {
      const [probe, step] = due
      if (step === 'failed') failed.push(probe)
      else {
        this.spreading.pingBare(probe.target, probe.seq)
        if (step !== 'again') this.askProxies(probe, nowMs)
      }
    }
    for (const { origin, originSeq } of this.probes.takeFailedRelays(nowMs)) {
      if (this.lifeguard) this.outbox.send(origin, { kind: 'nack', value: { seq: originSeq } })
    }
    return failed
  }

  isProbing(member: Member): boolean {
    return this.probes.of(member.id) !== undefined
  }

  probe(member: Member, nowMs: number): void {
    if (!this.probes.full) this.start(member, nowMs, this.health.stretch(1))
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
    if (seq !== undefined) this.spreading.pingBare(target, seq)
  }

  nacked(seq: number): void {
    this.probes.nack(seq)
  }

  /** True when the acknowledgement answers one of this node's own pings. */
  acknowledged(from: PeerId, seq: number, nowMs: number): boolean {
    const relay = this.probes.finishRelay(seq)
    if (relay) {
      const news = this.spreading.newsFor(relay.origin, nowMs)
      this.outbox.send(relay.origin, { kind: 'ack', value: { seq: relay.originSeq, news } })
      return false
    }
    const probe = this.probes.finish(seq)
    if (!probe) return false
    this.health.improve()
    const member = this.roster.get(probe.target)
    if (!member) return true
    if (from === probe.target && probe.stage === 'first') member.roundTripMs = nowMs - probe.beganMs
    else member.heardMs = nowMs
    return true
  }

  /** It was we who slept: nobody had the time to answer us. */
  forgive(ms: number): void {
    this.probes.forgive(ms)
  }

  private probeNext(nowMs: number): void {
    const intervalMs = this.health.stretch(this.intervalMs)
    this.nextMs = nowMs + intervalMs * (0.9 + 0.2 * this.entropy.unit())
    const member = this.chooseTarget()
    if (member) this.probe(member, nowMs)
  }

  private start(member: Member, nowMs: number, stretch: number): void {
    const probe = this.probes.start(member.id, nowMs, stretch)
    this.spreading.ping(member.id, probe.seq, nowMs)
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
      if (neighbour && !this.isProbing(neighbour)) return neighbour
    }
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
    if (member) this.spreading.pingBare(member.id, 0)
  }
}
