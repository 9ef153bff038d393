/** One member as the rest of the agent and its clients see it, with ages instead of times. */

import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Digest, Profile } from '../../protocol/membership/digest.ts'
import type { Member, MemberState } from '../../protocol/membership/roster.ts'

export interface MemberView {
  id: PeerId
  self: boolean
  state: MemberState
  stateAgeMs: number
  heardAgeMs: number
  incarnation: number
  /** Absent until the profile has arrived; then a member has no name but its id. */
  profile?: Profile
  digest: Digest
  digestAgeMs: number
  roundTripMs?: number
}

export function viewOf(member: Member, nowMs: number): MemberView {
  return {
    id: member.id,
    self: false,
    state: member.state,
    stateAgeMs: Math.max(0, nowMs - member.stateSinceMs),
    // A digest is the member's own word, however many hands it passed through.
    heardAgeMs: Math.max(0, nowMs - Math.max(member.heardMs, member.held.writtenMs)),
    incarnation: member.incarnation,
    digest: member.digest,
    digestAgeMs: Math.max(0, nowMs - member.held.writtenMs),
    ...(member.profile ? { profile: member.profile } : {}),
    ...(member.roundTripMs === undefined ? {} : { roundTripMs: member.roundTripMs }),
  }
}

export function nameOf(view: { id: PeerId; profile?: Profile }): string {
  return view.profile?.name ?? view.id.slice(-8)
}
