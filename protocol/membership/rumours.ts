/**
 * News waiting to ride on the next frames. Claims come before digests, fresh before repeated, and
 * each is sent a bounded number of times; hearing it from others counts, since then it is old.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { type Charge, claimOf } from './charge.ts'
import { ageMsAt, limits } from './limits.ts'
import type { CarriedDigest, News } from './messages.ts'

/** A digest as it is held: its age grows until it is sent. */
export interface HeldDigest {
  owner: PeerId
  incarnation: number
  sequence: number
  signed: CarriedDigest['signed']
  /** Local time at which the owner wrote it, as far as the bearers knew. */
  writtenMs: number
  /** Wire size, so that filling a frame needs no encoding. */
  bytes: number
  /** As it was last sent: several frames leave at one instant. */
  carried?: CarriedDigest
  carriedMs?: number
}

interface ClaimRumour {
  charges: Charge[]
  sendsLeft: number
}
interface DigestRumour {
  held: HeldDigest
  sendsLeft: number
}

/** Below this, told and outdated load figures are not worth sweeping up. */
const COMPACT_FROM = 32

/** Overhead of a claim on the wire beyond its two ids: tags, lengths, rank, incarnation and age. */
const CLAIM_OVERHEAD_BYTES = 20

export class Rumours {
  private readonly claims = new Map<PeerId, ClaimRumour>()
  /** Digests that bring a change of state: sent at once, in the order in which they came. */
  private readonly urgentDigests = new Map<PeerId, DigestRumour>()
  /** The newest load figures last; taken from the end. */
  private loads: DigestRumour[] = []
  private readonly loadOf = new Map<PeerId, DigestRumour>()
  dropped = 0

  /** True while something must not wait for the next probe. */
  get urgent(): boolean {
    return this.claims.size > 0 || this.urgentDigests.size > 0
  }

  addCharge(charge: Charge, sends: number): void {
    const { about, rank, incarnation } = charge
    const known = this.claims.get(about)
    const first = known?.charges[0]
    if (known && first && first.rank === rank && first.incarnation === incarnation) {
      known.charges.push(charge)
      known.sendsLeft = Math.max(known.sendsLeft, Math.ceil(sends / 2))
      return
    }
    this.claims.delete(about)
    this.dropped += trim(this.claims)
    this.claims.set(about, { charges: [charge], sendsLeft: sends })
  }

  addUrgent(held: HeldDigest, sends: number): void {
    this.forgetLoad(held.owner)
    this.urgentDigests.delete(held.owner)
    this.dropped += trim(this.urgentDigests)
    this.urgentDigests.set(held.owner, { held, sendsLeft: sends })
  }

  addLoad(held: HeldDigest, sends: number): void {
    const urgent = this.urgentDigests.get(held.owner)
    if (urgent) {
      if (urgent.held.incarnation <= held.incarnation) urgent.held = held
      return
    }
    this.forgetLoad(held.owner)
    const rumour = { held, sendsLeft: sends }
    this.loads.push(rumour)
    this.loadOf.set(held.owner, rumour)
    const kept = Math.min(this.loadOf.size, limits.loadRumoursMax)
    if (this.loads.length > Math.max(COMPACT_FROM, 2 * kept)) this.compactLoads()
  }

  /** Others know it too: one telling less for us. */
  heardClaim(about: PeerId): void {
    const rumour = this.claims.get(about)
    if (!rumour) return
    rumour.sendsLeft -= limits.heardCounts
    if (rumour.sendsLeft <= 0) this.claims.delete(about)
  }

  heardDigest(owner: PeerId, incarnation: number, sequence: number): void {
    const load = this.loadOf.get(owner)
    if (load && load.held.sequence === sequence) {
      if (--load.sendsLeft <= 0) this.loadOf.delete(owner)
      return
    }
    const urgent = this.urgentDigests.get(owner)
    if (urgent && urgent.held.sequence === sequence && urgent.held.incarnation === incarnation) {
      urgent.sendsLeft -= limits.heardCounts
      if (urgent.sendsLeft <= 0) this.urgentDigests.delete(owner)
    }
  }

  /** The member's state moved on: what was said before is no longer news. */
  forgetClaims(about: PeerId): void {
    this.claims.delete(about)
  }

  /** What was to be said before a sleep is not news after it. */
  forgetAllClaims(): void {
    this.claims.clear()
  }

  forget(id: PeerId): void {
    this.claims.delete(id)
    this.urgentDigests.delete(id)
    this.forgetLoad(id)
  }

  /** Fills one frame for `to`, within `bytesMax`. Whatever is taken counts as sent once. */
  take(to: PeerId, nowMs: number, bytesMax: number): News {
    const news: News = { claims: [], digests: [] }
    let left = bytesMax - this.takeClaims(news, nowMs, bytesMax)
    left -= this.takeUrgent(news, to, nowMs, left)
    this.takeLoads(news, to, nowMs, left)
    return news
  }

  private takeClaims(news: News, nowMs: number, bytesMax: number): number {
    let taken = 0
    for (const [about, rumour] of this.claims) {
      const { charges } = rumour
      const bytes = charges.length * (2 * about.length + CLAIM_OVERHEAD_BYTES)
      if (
        news.claims.length + charges.length > limits.claimsPerFrameMax ||
        taken + bytes > bytesMax
      ) {
        rotate(this.claims, about)
        return taken
      }
      taken += bytes
      for (const charge of charges) news.claims.push(claimOf(charge, nowMs))
      if (--rumour.sendsLeft <= 0) this.claims.delete(about)
    }
    return taken
  }

  private takeUrgent(news: News, to: PeerId, nowMs: number, bytesMax: number): number {
    let taken = 0
    for (const [owner, rumour] of this.urgentDigests) {
      if (owner === to) continue
      if (
        taken + rumour.held.bytes > bytesMax ||
        news.digests.length >= limits.digestsPerFrameMax
      ) {
        rotate(this.urgentDigests, owner)
        return taken
      }
      taken += rumour.held.bytes
      news.digests.push(carry(rumour.held, nowMs))
      if (--rumour.sendsLeft <= 0) this.urgentDigests.delete(owner)
    }
    return taken
  }

  private takeLoads(news: News, to: PeerId, nowMs: number, bytesMax: number): void {
    let taken = 0
    for (let i = this.loads.length - 1; i >= 0; i--) {
      const rumour = this.loads[i] as DigestRumour
      const { held } = rumour
      if (rumour.sendsLeft <= 0 || held.owner === to || this.loadOf.get(held.owner) !== rumour)
        continue
      taken += held.bytes
      if (taken > bytesMax || news.digests.length >= limits.digestsPerFrameMax) return
      news.digests.push(carry(held, nowMs))
      if (--rumour.sendsLeft <= 0) this.loadOf.delete(held.owner)
    }
  }

  private forgetLoad(owner: PeerId): void {
    const known = this.loadOf.get(owner)
    if (!known) return
    known.sendsLeft = 0
    this.loadOf.delete(owner)
  }

  private compactLoads(): void {
    const live = this.loads.filter((rumour) => this.loadOf.get(rumour.held.owner) === rumour)
    const excess = live.length - limits.loadRumoursMax
    for (const rumour of excess > 0 ? live.splice(0, excess) : []) {
      this.dropped++
      this.loadOf.delete(rumour.held.owner)
    }
    this.loads = live
  }
}

/** Makes room for one more. Returns how many were dropped. */
function trim<R>(rumours: Map<PeerId, R>): number {
  if (rumours.size < limits.rumoursMax) return 0
  for (const oldest of rumours.keys()) {
    rumours.delete(oldest)
    return 1
  }
  return 0
}

/** A full frame: what did not fit comes first in the next one. */
function rotate<R>(rumours: Map<PeerId, R>, firstLeft: PeerId): void {
  const sent: [PeerId, R][] = []
  for (const entry of rumours) {
    if (entry[0] === firstLeft) break
    sent.push(entry)
  }
  for (const [id, rumour] of sent) {
    rumours.delete(id)
    rumours.set(id, rumour)
  }
}

export function carry(held: HeldDigest, nowMs: number): CarriedDigest {
  if (held.carried && held.carriedMs === nowMs) return held.carried
  const { owner, incarnation, sequence, signed } = held
  const ageMs = ageMsAt(held.writtenMs, nowMs)
  held.carried = { owner, incarnation, sequence, signed, ageMs }
  held.carriedMs = nowMs
  return held.carried
}
