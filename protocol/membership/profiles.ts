/**
 * The profiles of the others. One that a digest names and that is not held is asked for at once
 * from the bearer of the digest, and then, until it is there, from members at random.
 */

import type { PeerId } from '../identity/peer-id.ts'
import type { Entropy } from '../ports/entropy.ts'
import { sameBytes } from '../same-bytes.ts'
import type { Seal } from './digest.ts'
import { limits } from './limits.ts'
import type { Outbox } from './outbox.ts'
import type { Member, Roster } from './roster.ts'

export class Profiles {
  private readonly roster: Roster
  private readonly outbox: Outbox
  private readonly seal: Seal
  private readonly entropy: Entropy
  private readonly lacking = new Set<Member>()
  /** Members whose profile the frame being received showed to be missing. */
  private fresh: Member[] = []
  private nextMs = Number.POSITIVE_INFINITY

  constructor(roster: Roster, outbox: Outbox, seal: Seal, entropy: Entropy) {
    this.roster = roster
    this.outbox = outbox
    this.seal = seal
    this.entropy = entropy
  }

  get dueMs(): number {
    return this.nextMs
  }

  want(member: Member): void {
    if (hasProfile(member) || this.lacking.has(member)) return
    this.lacking.add(member)
    this.fresh.push(member)
  }

  /** The frame is read: what it did not bring itself, its bearer is asked for. */
  ask(bearer: PeerId, nowMs: number): void {
    if (this.fresh.length === 0) return
    const { fresh } = this
    this.fresh = []
    this.fetch(
      bearer,
      fresh.filter((member) => this.lacking.has(member)),
    )
    if (this.lacking.size > 0) this.nextMs = Math.min(this.nextMs, nowMs + limits.profileRetryMs)
  }

  /** Tries somebody else. */
  askAgain(nowMs: number): void {
    for (const member of this.lacking) if (member.slot < 0) this.lacking.delete(member)
    this.nextMs = this.lacking.size > 0 ? nowMs + limits.profileRetryMs : Number.POSITIVE_INFINITY
    const [other] = this.roster.some(this.entropy, 1)
    if (other) this.fetch(other.id, [...this.lacking])
  }

  private fetch(from: PeerId, wanted: readonly Member[]): void {
    for (let i = 0; i < wanted.length; i += limits.profilesPerFrameMax) {
      const profilesOf = wanted.slice(i, i + limits.profilesPerFrameMax).map(({ id }) => id)
      this.outbox.send(from, { kind: 'fetch', value: { profilesOf } })
    }
  }

  hear(packed: readonly Uint8Array[]): void {
    for (const one of packed) this.hearOne(one)
  }

  /** What the owner's signed digest does not vouch for is not believed. */
  private hearOne(packed: Uint8Array): void {
    const opened = this.seal.openProfile(packed)
    const member = opened && this.roster.get(opened.profile.owner)
    if (!member) return this.outbox.ignore('profileOfStranger')
    if (hasProfile(member)) return
    if (!sameBytes(opened.hash, member.digest.profileHash))
      return this.outbox.ignore('profileOutOfDate')
    const firstTime = member.profile === undefined
    member.profile = opened.profile
    member.packedProfile = packed
    member.profileHash = opened.hash
    this.lacking.delete(member)
    this.outbox.event({ kind: 'profile', id: member.id, firstTime })
  }
}

function hasProfile({ profileHash, digest }: Member): boolean {
  return profileHash !== undefined && sameBytes(profileHash, digest.profileHash)
}
