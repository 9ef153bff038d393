/**
 * What this node makes of a charge. Its own ears come first: a charge against one that it has heard
 * since is not believed but put to the accused, who alone can refute it before everybody. And
 * nobody is called dead on somebody else's word without having been under suspicion here.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Accusations } from './accusations.ts'
import type { Charge } from './charge.ts'
import { limits } from './limits.ts'
import type { LocalHealth } from './local-health.ts'
import type { Prober } from './prober.ts'
import type { Probe } from './probes.ts'
import type { Member, Roster } from './roster.ts'
import { rankOf, supersedes } from './roster.ts'
import type { Spreading } from './spreading.ts'

interface Parts {
  roster: Roster
  health: LocalHealth
  spreading: Spreading
  accusations: Accusations
  prober: Prober
  /** False leaves plain SWIM, which believes what it is told. */
  lifeguard: boolean
}

export class Judgement {
  private readonly parts: Parts

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** `isDoubtful`: it may be old news, as this node has just slept. */
  weigh(member: Member, charge: Charge, isDoubtful: boolean, nowMs: number): void {
    const { accusations, spreading, prober, lifeguard } = this.parts
    const isKnown = member.state === 'suspect' && member.incarnation === charge.incarnation
    const isVerdict = charge.rank === rankOf.dead
    if (!isKnown && !supersedes(charge, member)) {
      if (isVerdict) spreading.rumours.heardClaim(charge.about)
      return
    }
    if (!lifeguard && isVerdict) return accusations.declareDead(member, charge, nowMs)
    // What this node has asked in vain since it last heard the accused counts as well.
    const unanswered = isKnown ? (member.suspicion?.sinceMs ?? charge.sinceMs) : charge.sinceMs
    const sinceMs = Math.max(charge.sinceMs, unanswered)
    if (lifeguard && member.heardMs > sinceMs && prober.confront(member, charge, nowMs)) return
    this.accuse(member, charge, nowMs)
    if (isVerdict && !isDoubtful && member.held.writtenMs <= sinceMs)
      member.suspicion?.conclude(charge.by)
  }

  probeFailed(probe: Probe, nowMs: number): void {
    const { roster, health } = this.parts
    // A nack may come twice, or from nobody who was asked: never does it speak for more than one.
    const silent = Math.max(0, probe.proxiesAsked - probe.nacks)
    health.worsen(probe.proxiesAsked > 0 ? silent : 1)
    const member = roster.get(probe.target)
    if (!member || member.slot < 0) return
    if (member.heardMs < probe.beganMs) {
      const { id: about, incarnation } = member
      const [rank, by, sinceMs] = [rankOf.suspect, roster.self, probe.beganMs]
      // One that a charge was put to has had since then to answer.
      const startedMs = probe.charges.length > 0 ? probe.startedMs : nowMs
      this.accuse(member, { about, rank, incarnation, by, sinceMs }, nowMs, startedMs)
    }
    // What else it was heard to say was no answer: it is asked once more, or the charge believed.
    for (const charge of probe.charges) this.weigh(member, charge, false, nowMs)
  }

  /** Passes the verdicts that are due; whoever has spoken since the charge is asked anew instead. */
  expire(nowMs: number): void {
    const { accusations, prober } = this.parts
    for (const member of accusations.expire(nowMs)) {
      if (!prober.isProbing(member)) prober.probe(member, nowMs)
    }
  }

  /** A suspect or dead member talks to us: it shall know what is said of it. */
  remind(member: Member, nowMs: number): void {
    if (!this.parts.lifeguard || !member.charge || wasLately(member.remindedMs, nowMs)) return
    member.remindedMs = nowMs
    this.parts.spreading.pingBare(member.id, 0, nowMs)
  }

  /**
   * `bearer` brought the accused's signed word from after the charge: this node may be the only one
   * that does not hear it, and the bearer can see to it that the accused is told.
   */
  askBearer(member: Member, bearer: PeerId, nowMs: number): void {
    const { lifeguard, spreading } = this.parts
    const { charge } = member
    if (!lifeguard || !charge || bearer === member.id || member.held.writtenMs <= charge.sinceMs)
      return
    if (wasLately(member.bearerToldMs, nowMs)) return
    member.bearerToldMs = nowMs
    spreading.tellCharge(bearer, charge, nowMs)
  }

  private accuse(member: Member, charge: Charge, nowMs: number, startedMs = nowMs): void {
    const { roster, spreading, accusations, prober } = this.parts
    if (!accusations.accuse(member, charge, nowMs, startedMs)) return
    if (charge.by === roster.self) spreading.pingBare(member.id, 0, nowMs)
    else if (roster.watches(member) && !prober.isProbing(member)) prober.probe(member, nowMs)
  }
}

function wasLately(atMs: number | undefined, nowMs: number): boolean {
  return atMs !== undefined && nowMs - atMs < limits.tellAgainMs
}
