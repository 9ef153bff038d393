/**
 * Numbers that no member has come by honestly. A node answers a claim against it with the next
 * incarnation, and ages grow while records are kept: at the end of what a number holds exactly,
 * one frame would leave a node, and everybody whom it tells, without a number to go on with.
 */
import type { MembershipFrame } from '../../protocol/membership/messages.ts'

/** An incarnation a millisecond for 35,000 years; an age in milliseconds likewise. */
const claimedMax = 2 ** 50
/** Above it, so that who was driven to the highest incarnation is still heard when it objects. */
const writtenMax = 2 ** 51

export function isPlausible({ kind, value }: MembershipFrame): boolean {
  if (kind === 'summary') return value.entries.every((entry) => entry.incarnation < claimedMax)
  if (!('news' in value)) return true
  const { claims, digests } = value.news
  return (
    claims.every((claim) => claim.incarnation < claimedMax) &&
    digests.every(
      ({ incarnation, sequence, ageMs }) =>
        incarnation < writtenMax && sequence < writtenMax && ageMs < claimedMax,
    )
  )
}
