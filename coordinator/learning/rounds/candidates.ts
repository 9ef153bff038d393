/**
 * What could come of a round, by what was summed in it: of two halves each by itself, and both together;
 * and with which of them hosts are better off. Which half they are better off with tells in time who
 * spoils what it is in (`suspicion.ts`).
 */
import { added, clipped, weightedMean } from '../../../models/federation/aggregation/vectors.ts'
import { boundedAdvantage, type Losses } from '../../../models/federation/rounds/votes.ts'
import { median } from '../../../models/measures/quantiles.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Candidates, Kept, Summed } from './course.ts'

export interface Candidate {
  readonly hash: string
  /** Of which it is; undefined of all that were summed. */
  readonly half: number | undefined
  /** Whose updates, or counts, are in it. */
  readonly counted: readonly PeerId[]
  /** As hosts vote. */
  readonly losses: Map<PeerId, number>
}

/** Which half hosts are better off with. */
export interface Game {
  /** By what share with the first; less than 0 where it is the second. */
  readonly firstBy?: number
  /** Of that half nothing could come, for somebody in it has lied: 1 or 2. */
  readonly spoiledHalf?: number
}

/** The mean of updates, where a sum was opened. */
export type NetSummed =
  | {
      readonly ok: true
      readonly update: Float32Array
      readonly usualLength: number
      readonly summed: readonly PeerId[]
    }
  | Extract<Summed, { ok: false }>

type Sum = Extract<NetSummed, { ok: true }> & { readonly half: number | undefined }

export interface Step {
  readonly base: Float32Array
  /** No step is longer. */
  readonly clip: number
  /** How much of it is made. */
  readonly stride: number
}

/** Each where hosts can have it. A half that is no model is left out. */
export async function candidatesOf(
  summed: readonly NetSummed[],
  { base, clip, stride }: Step,
  offer: (parameters: Float32Array) => Promise<Kept>,
): Promise<Candidates> {
  const sums = summed.flatMap((one, i) =>
    one.ok ? [{ ...one, half: summed.length > 1 ? i + 1 : undefined }] : [],
  )
  const candidates: Candidate[] = []
  const whys = summed.flatMap((one) => (one.ok ? [] : [one.why]))
  for (const { update, half, summed: counted } of sums.length > 1
    ? [together(sums), ...sums]
    : sums) {
    const offered = await offer(added(base, clipped(update, clip), stride))
    if (offered.ok) {
      const { hash } = offered
      candidates.push({ hash, half, counted, losses: new Map() })
    } else whys.push(offered.why)
  }
  if (candidates.length === 0) {
    return { ok: false, state: 'failed', why: [...new Set(whys)].join('; ') }
  }
  const usualLength = median(sums.map((sum) => sum.usualLength))
  return { ok: true, candidates, usualLength }
}

/**
 * With which hosts are better off, beside what the round began with, of those that are heard, whose losses
 * `before` has; what came of all, where nothing says more.
 */
export function chosenOf(
  candidates: readonly Candidate[],
  before: Losses,
  liars: number,
): Candidate {
  const gainOf = ({ losses }: Candidate) => boundedAdvantage(losses, before, liars)
  return candidates.reduce((best, each) => (gainOf(each) > gainOf(best) ? each : best))
}

export function gameOf(
  summed: readonly Summed[],
  candidates: readonly Candidate[] = [],
  { before, liars }: { before: Losses; liars: number } = { before: new Map(), liars: 0 },
): { game?: Game } {
  if (summed.length < 2) return {}
  const spoiled = summed.flatMap((one, i) => (!one.ok && one.isSpoiled === true ? [i + 1] : []))
  const [spoiledHalf] = spoiled
  if (spoiledHalf !== undefined && spoiled.length === 1) return { game: { spoiledHalf } }
  const of = (half: number) => candidates.find((each) => each.half === half)?.losses
  const [first, second] = [of(1), of(2)]
  if (first === undefined || second === undefined) return {}
  const heard = new Map([...first].filter(([host]) => before.has(host)))
  return { game: { firstBy: boundedAdvantage(heard, second, liars) } }
}

function together(sums: readonly Sum[]): Pick<Sum, 'update' | 'half' | 'summed'> {
  const update = weightedMean(
    sums.map((sum) => sum.update),
    sums.map((sum) => sum.summed.length),
  )
  return { update, half: undefined, summed: sums.flatMap(({ summed }) => summed) }
}
