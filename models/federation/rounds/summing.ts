/**
 * From what hosts give in one round to one update: seen one by one, or as a sum under masks. Both
 * ways give the same where the rule is the same, but for the last bits.
 */
import { createHash } from 'node:crypto'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { median } from '../../measures/quantiles.ts'
import { rules } from '../aggregation/rules.ts'
import type { LeftOut } from '../aggregation/selecting.ts'
import { norm } from '../aggregation/vectors.ts'
import { federationLimits } from '../limits.ts'
import { MaskingClient } from '../masking/client.ts'
import { onGrid } from '../masking/fixed-point.ts'
import { MaskingServer } from '../masking/server.ts'
import { gridOf, type Terms } from '../masking/terms.ts'
import { carry, type LastWord, type Traffic } from './carrying.ts'
import type { Course } from './course.ts'
import type { Host } from './host.ts'
import { Judging } from './judging.ts'
import { meanIn, weighed } from './weighing.ts'

export interface Given {
  readonly host: Host
  readonly update: Float32Array
  readonly lastWord: LastWord
}

export type Summed =
  | {
      ok: true
      update: Float32Array
      counted: readonly PeerId[]
      leftOut: readonly { host: PeerId; why: LeftOut['why'] }[]
      /** What is usual, for the clip of the next round. */
      usualLength: number
      traffic: ReadonlyMap<PeerId, Traffic>
    }
  | { ok: false; why: string; liars: readonly PeerId[]; traffic: ReadonlyMap<PeerId, Traffic> }

export interface RoundOf {
  readonly course: Course
  /** Says which mesh, model and round, to all alike. */
  readonly name: string
  readonly clip: number
  readonly chance: Entropy
}

/** Four bytes a number, and no more than its name and weight beside it. */
const besideUpdateBytes = 96

export function sumSeen(given: readonly Given[], { course }: RoundOf): Summed {
  const there = given.filter(({ lastWord }) => lastWord !== 'nothing')
  const traffic = new Map(
    there.map(({ host, update }) => [
      host.signer.id,
      { up: 4 * update.length + besideUpdateBytes, down: 0 },
    ]),
  )
  if (there.length === 0) return { ok: false, why: 'tooFew', liars: [], traffic }
  const contributions = there.map(({ host, update }) => ({
    from: host.signer.id,
    update,
    weight: weightOf(host, course),
  }))
  const combined = rules[course.rule](contributions, course.liarsMax)
  const kept = new Set(combined.kept)
  return {
    ok: true,
    update: combined.update,
    counted: [...kept] as PeerId[],
    leftOut: combined.leftOut.map(({ from, why }) => ({ host: from as PeerId, why })),
    usualLength: median(
      there.filter(({ host }) => kept.has(host.signer.id)).map(({ update }) => norm(update)),
    ),
    traffic,
  }
}

export function sumMasked(given: readonly Given[], round: RoundOf): Summed {
  const { course } = round
  // A sum of fewer says of each what the others gave: nobody takes part in it.
  if (given.length < federationLimits.clientsMin) {
    return { ok: false, why: 'tooFew', liars: [], traffic: new Map() }
  }
  const byId = new Map(given.map((one) => [one.host.signer.id, one]))
  const participants = [...byId.keys()].sort()
  const terms: Terms = {
    round: new Uint8Array(createHash('sha256').update(round.name).digest()),
    participants,
    parameters: (given[0] as Given).update.length,
    clip: round.clip,
    sketch: course.sketch,
  }
  const { bits, bound } = gridOf(terms)
  const judging = new Judging(course, bits)
  const { opening, traffic } = carry({
    server: new MaskingServer(terms),
    hasSketches: terms.sketch > 0,
    clients: new Map(
      given.map(({ host }) => [
        host.signer.id,
        new MaskingClient(host.signer, terms, round.chance.stream(host.signer.id)),
      ]),
    ),
    update: (peer) => {
      const one = byId.get(peer) as Given
      return onGrid(weighed(one.update, weightOf(one.host, course)), bits, bound)
    },
    lastWord: (peer) => (byId.get(peer) as Given).lastWord,
    select: (candidates) => judging.select(candidates),
  })
  if (!opening.ok) {
    const liars = 'liars' in opening ? opening.liars : []
    return { ok: false, why: opening.why, liars, traffic }
  }
  return {
    ok: true,
    update: meanIn(opening.sum, bits),
    counted: opening.summed,
    leftOut: judging.leftOut,
    usualLength: judging.usualLength,
    traffic,
  }
}

/** Under noise all count alike: less of an update would be less of its noise, and weights say something. */
function weightOf(host: Host, course: Course): number {
  return course.noise > 0 ? 1 : host.weight
}
