/**
 * Whether a leader can go on leading: a pure judgement of its disk and its event loop against those
 * of the others. A host that is slow because all are slow stays: another would do no better.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'

export interface FitnessLimits {
  /** A write that the disk has not confirmed for so long, while others have, is a stalled disk. */
  diskStallMs: number
  /** The event loop's lag, at the 99th percentile, from which a leader is too slow. */
  loopLagMsMax: number
  /** It must lag so at so many looks in a row. */
  laggingLooks: number
  /** An heir must lag less than this share of what the leader does. */
  heirLagShare: number
  /** An heir was heard within this time. */
  heirHeardMs: number
  /** Heirs tried in vain before the leader resigns without one. */
  heirsTriedMax: number
}

export interface Heir {
  readonly id: PeerId
  /** How far its log is on its disk. */
  readonly match: number
  readonly heardMsAgo: number
  /** Undefined while it has not said. */
  readonly loopLagMs: number | undefined
}

export interface Signs {
  readonly diskWaitMs: number
  /** How far the leader's own log is on its disk. */
  readonly persisted: number
  readonly loopLagMs: number
  /** How many looks in a row the lag was too much, this one included. */
  readonly laggingLooks: number
  /** Best first. */
  readonly heirs: readonly Heir[]
  /** Those that were asked to take over since the trouble began, and did not. */
  readonly tried: ReadonlySet<PeerId>
}

export type Judgement =
  | { kind: 'fit' }
  | { kind: 'handOver'; to: PeerId; why: string }
  | { kind: 'resign'; why: string }

export function judge(signs: Signs, limits: FitnessLimits): Judgement {
  const trouble = diskTrouble(signs, limits) ?? loopTrouble(signs, limits)
  if (!trouble) return { kind: 'fit' }
  const { why, heirs } = trouble
  const heir = heirs.find(({ id }) => !signs.tried.has(id))
  if (heir && signs.tried.size < limits.heirsTriedMax) return { kind: 'handOver', to: heir.id, why }
  return signs.tried.size > 0 ? { kind: 'resign', why } : { kind: 'fit' }
}

interface Trouble {
  why: string
  /** Those of whom it is known that they do better. */
  heirs: Heir[]
}

/** An heir that has on its disk what this one's does not take shows that it is this disk alone. */
function diskTrouble(
  signs: Signs,
  { diskStallMs, heirHeardMs }: FitnessLimits,
): Trouble | undefined {
  if (signs.diskWaitMs < diskStallMs) return undefined
  const heirs = signs.heirs.filter(
    ({ match, heardMsAgo }) => match > signs.persisted && heardMsAgo <= heirHeardMs,
  )
  const why = `the disk has kept a write waiting for ${Math.round(signs.diskWaitMs)} ms`
  return { why, heirs }
}

function loopTrouble(signs: Signs, limits: FitnessLimits): Trouble | undefined {
  const { loopLagMsMax, laggingLooks, heirLagShare, heirHeardMs } = limits
  if (signs.loopLagMs < loopLagMsMax || signs.laggingLooks < laggingLooks) return undefined
  const heirs = signs.heirs.filter(
    ({ loopLagMs, heardMsAgo }) =>
      loopLagMs !== undefined &&
      loopLagMs < signs.loopLagMs * heirLagShare &&
      heardMsAgo <= heirHeardMs,
  )
  return { why: `the event loop is late by ${Math.round(signs.loopLagMs)} ms`, heirs }
}
