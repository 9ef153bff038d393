/** Hosts that take part in masked rounds, and one round carried from hand to hand. */
import { MaskingClient } from '../../models/federation/masking/client.ts'
import { onGrid } from '../../models/federation/masking/fixed-point.ts'
import { MaskingServer } from '../../models/federation/masking/server.ts'
import type { Terms } from '../../models/federation/masking/terms.ts'
import { gridOf } from '../../models/federation/masking/terms.ts'
import type { Opening } from '../../models/federation/masking/unmasking.ts'
import { type Carried, carry, type LastWord } from '../../models/federation/rounds/carrying.ts'
import { type PeerId, type Signer, signerFromSeed } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

export function hosts(count: number): Signer[] {
  const signers = Array.from({ length: count }, (_, i) =>
    signerFromSeed(new Uint8Array(32).fill(i + 1)),
  )
  return signers.sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function termsOf(signers: readonly Signer[], parameters: number, sketch = 16): Terms {
  return {
    round: new Uint8Array(32).fill(7),
    participants: signers.map(({ id }) => id),
    parameters,
    clip: 1,
    sketch,
  }
}

export interface Course {
  readonly terms: Terms
  readonly signers: readonly Signer[]
  readonly updates: readonly Int32Array[]
  readonly deaths: readonly LastWord[]
  readonly seed: string
  readonly server?: MaskingServer
  /** Of those that may be. All, unless it is said. */
  readonly select?: (candidates: readonly PeerId[]) => readonly PeerId[]
  /** Sees, and may change, all that is sent to the leader. */
  readonly onWay?: Carried['onWay']
}

export type Outcome = Opening | { ok: false; why: string }

export function carried(round: Course): Outcome {
  const { terms, signers, updates, deaths, seed, select, onWay, server } = round
  const at = (peer: PeerId) => signers.findIndex(({ id }) => id === peer)
  const { opening } = carry({
    server: server ?? new MaskingServer(terms),
    hasSketches: terms.sketch > 0,
    clients: new Map(
      signers.map((signer) => [
        signer.id,
        new MaskingClient(signer, terms, new SeededEntropy(`${seed} ${signer.id}`)),
      ]),
    ),
    update: (peer) => updates[at(peer)] as Int32Array,
    lastWord: (peer) => deaths[at(peer)] ?? 'all',
    select: (candidates) => select?.([...candidates.keys()]) ?? [...candidates.keys()],
    ...(onWay ? { onWay } : {}),
  })
  return opening
}

/** Updates as training might give them, with weights. */
export function someUpdates(terms: Terms, seed: string): Int32Array[] {
  const { bits, bound } = gridOf(terms)
  return terms.participants.map((id) => {
    const chance = new SeededEntropy(`${seed} update ${id}`)
    const values = Array.from({ length: terms.parameters + 1 }, () => chance.unit() - 0.5)
    values[terms.parameters] = 0.1 + 0.9 * chance.unit()
    return onGrid(values, bits, bound)
  })
}

export function plainSum(updates: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(updates[0]?.length ?? 0)
  for (const update of updates) {
    update.forEach((value, i) => {
      sum[i] = (sum[i] as number) + value
    })
  }
  return sum
}
