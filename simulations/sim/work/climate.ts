/**
 * What befalls a mesh that works: everything that befalls any mesh, and faults that lie in wait for
 * every point in the life of an attempt, at its agent and at the leader.
 */
import { below, type Entropy } from '../../../protocol/ports/entropy.ts'
import type { Blow, Fault, WorkMoment } from '../fault.ts'
import { type Climate, type ClimateOptions, drawClimate } from '../schedule.ts'

/** How often each point is passed, so that as many blows fall at rare ones as at common ones. */
const shares: Readonly<Record<WorkMoment, number>> = {
  assigns: 0.1,
  takes: 0.1,
  starts: 0.15,
  runs: 0.15,
  ends: 0.2,
  tells: 0.1,
  commits: 0.1,
}
const moments = Object.keys(shares) as WorkMoment[]
const blows: readonly Blow[] = ['kill', 'kill', 'powerLoss', 'powerLoss', 'pause', 'isolate']

const AMBUSHES_MAX = 14

export function drawWorkClimate(entropy: Entropy, options: ClimateOptions): Climate {
  const climate = drawClimate(entropy, options)
  const own = entropy.stream('work')
  // Some meshes have little else to bear: what attempts go through is then their own affair.
  const others = own.unit() < 0.35 ? [] : climate.faults.filter(() => own.unit() < 0.5)
  const ambushes = Array.from({ length: below(own, AMBUSHES_MAX + 1) }, () =>
    drawAmbush(own, options),
  )
  const faults = [...others, ...ambushes].sort((a, b) => a.atMs - b.atMs)
  return { ...climate, faults }
}

function drawAmbush(entropy: Entropy, { calmMs, endMs }: ClimateOptions): Fault {
  const on = one(entropy, moments)
  const atMs = Math.round(calmMs + entropy.unit() * (endMs - calmMs))
  return {
    kind: 'ambush',
    on,
    blow: one(entropy, blows),
    atOnce: entropy.unit() < 0.6,
    share: shares[on] * (0.3 + entropy.unit()),
    afterMs: one(entropy, [1, 10, 100, 1_000]) * entropy.unit(),
    // Back before anybody has missed it, or long after it was called dead.
    holdMs: one(entropy, [20, 200, 2_000, 15_000]) * (0.3 + entropy.unit()),
    atMs,
    forMs: Math.min(5_000 + Math.round(25_000 * entropy.unit()), endMs - atMs),
  }
}

function one<T>(entropy: Entropy, among: readonly T[]): T {
  return among[below(entropy, among.length)] as T
}
