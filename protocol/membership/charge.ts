/**
 * What a member stands accused of, in this node's time: since when it has left a question
 * unanswered, and whose. A claim is a charge on the wire; its age, added up hop by hop, keeps it
 * comparable with what each hearer has had from the accused itself.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { ageMsAt, limits } from './limits.ts'
import type { Claim } from './messages.ts'
import { rankOf } from './roster.ts'

export type AgedClaim = Claim & { ageMs: number }

export interface Charge {
  readonly about: PeerId
  readonly rank: number
  readonly incarnation: number
  /** Who asked and got no answer; never one who merely believes it. */
  readonly by: PeerId
  /** When it asked. Any later word of the accused disproves the charge. */
  readonly sinceMs: number
  /** As it was last sent: several frames leave at one instant. */
  carried?: AgedClaim
  carriedMs?: number
}

/** An accuser that does not say how long it waited has waited for this long at least. */
export function chargeOf(claim: Claim, nowMs: number): Charge {
  const { about, rank, incarnation, by, ageMs = limits.probeTimeoutMs } = claim
  return { about, rank, incarnation, by, sinceMs: nowMs - Math.min(ageMs, limits.ageMsMax) }
}

/** The same, believed no further than that it is suspect. */
export function asSuspicion(charge: Charge): Charge {
  if (charge.rank === rankOf.suspect) return charge
  const { about, incarnation, by, sinceMs } = charge
  return { about, rank: rankOf.suspect, incarnation, by, sinceMs }
}

export function claimOf(charge: Charge, nowMs: number): AgedClaim {
  if (charge.carried && charge.carriedMs === nowMs) return charge.carried
  const { about, rank, incarnation, by } = charge
  charge.carried = { about, rank, incarnation, by, ageMs: ageMsAt(charge.sinceMs, nowMs) }
  charge.carriedMs = nowMs
  return charge.carried
}
