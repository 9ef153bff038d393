/**
 * A policy made of weighed factors: hosts that refuse are out, of the others the highest sum wins,
 * and equals are drawn for. All policies that ship are such; a learned one need not be.
 */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { canPass, check } from './eligibility.ts'
import { type Factor, type Field, finishMs, placedAt } from './factors.ts'
import type { HostView } from './host-view.ts'
import { placementLimits } from './limits.ts'
import type { Choice, PlacementPolicy, PlacementRequest, Reason, Verdict } from './policy.ts'
import { refusalsOf } from './refusals.ts'

export interface Weighed {
  readonly factor: Factor
  readonly weight: number
}

export class WeighingPolicy implements PlacementPolicy {
  readonly name: string
  readonly description: string
  private readonly weighed: readonly Weighed[]

  constructor(name: string, description: string, weighed: readonly Weighed[]) {
    this.name = name
    this.description = description
    this.weighed = weighed
  }

  choose(
    request: PlacementRequest,
    hosts: readonly HostView[],
    random: Pick<Entropy, 'unit'>,
  ): Choice {
    const candidates: HostView[] = []
    const isSampled = isAnyHostAlike(request, hosts)
    const start = isSampled ? Math.floor(random.unit() * hosts.length) : 0
    const max = isSampled ? placementLimits.candidatesMax : hosts.length
    let refusedFor = 0
    let mayPass = false
    for (let i = 0; i < hosts.length && candidates.length < max; i++) {
      const host = hosts[(start + i) % hosts.length]!
      const bits = check(request, host)
      if (bits === 0) candidates.push(host)
      else {
        refusedFor |= bits
        mayPass ||= canPass(bits, request)
      }
    }
    if (candidates.length === 0) return { host: undefined, refusedFor, canPass: mayPass }
    return this.best(request, candidates, random)
  }

  explain(request: PlacementRequest, hosts: readonly HostView[]): Verdict[] {
    const weighed = this.weighed.filter(({ factor }) => factor.applies(request))
    const field = fieldOf(
      request,
      hosts.filter((host) => check(request, host) === 0),
    )
    const verdicts = hosts.map((host): Verdict => {
      const refusals = refusalsOf(request, host)
      if (refusals.length > 0) return { host, refusals, reasons: [] }
      const reasons = weighed.map(
        ({ factor, weight }): Reason => ({
          factor: factor.name,
          score: weight * factor.score(request, host, field),
          message: factor.words(request, host, field),
        }),
      )
      const score = reasons.reduce((sum, reason) => sum + reason.score, 0)
      return { host, refusals, score, reasons }
    })
    return verdicts.sort((a, b) => (b.score ?? -1) - (a.score ?? -1))
  }

  private best(
    request: PlacementRequest,
    candidates: readonly HostView[],
    random: Pick<Entropy, 'unit'>,
  ): Choice {
    const field = fieldOf(request, candidates)
    let best = candidates[0]!
    let bestScore = -1
    let equals = 0
    for (const host of candidates) {
      let score = 0
      for (const { factor, weight } of this.weighed) {
        if (factor.applies(request)) score += weight * factor.score(request, host, field)
      }
      if (score < bestScore) continue
      equals = score === bestScore ? equals + 1 : 1
      // Each of the equals is kept with the same chance, without a list of them.
      if (equals === 1 || random.unit() * equals < 1) best = host
      bestScore = score
    }
    return { host: best, score: bestScore }
  }
}

/** In a large mesh, and with nothing in the request that only a few particular hosts have. */
function isAnyHostAlike(request: PlacementRequest, hosts: readonly HostView[]): boolean {
  const { demands, affinity, antiAffinity, artifacts } = request
  return (
    hosts.length > placementLimits.candidatesMax &&
    demands.prefer.length === 0 &&
    demands.spread === undefined &&
    affinity === undefined &&
    antiAffinity === undefined &&
    artifacts === undefined
  )
}

function fieldOf(request: PlacementRequest, candidates: readonly HostView[]): Field {
  const soonestMs = soonestOf(request, candidates)
  if (request.demands.spread === undefined) return { placedLeast: 0, soonestMs }
  let least = Number.POSITIVE_INFINITY
  for (const host of candidates) {
    least = Math.min(least, placedAt(request, host) ?? Number.POSITIVE_INFINITY)
  }
  return { placedLeast: Number.isFinite(least) ? least : 0, soonestMs }
}

/** At least a millisecond, so that shares of it can be told. */
function soonestOf(request: PlacementRequest, candidates: readonly HostView[]): number {
  if (request.expectedOn === undefined) return 1
  let soonest = Number.POSITIVE_INFINITY
  for (const host of candidates) soonest = Math.min(soonest, finishMs(request, host))
  return Math.max(1, soonest)
}
