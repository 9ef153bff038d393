/** From what hosts count to one sum: under masks, so that nobody sees what one of them has counted. */
import { createHash } from 'node:crypto'
import type { PeerId, Signer } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { federationLimits } from '../limits.ts'
import { MaskingClient } from '../masking/client.ts'
import { MaskingServer } from '../masking/server.ts'
import { lengthOf, type Terms } from '../masking/terms.ts'
import { carry, type LastWord, type Traffic } from '../rounds/carrying.ts'
import { packed, unpacked } from './packing.ts'

export interface Counted {
  readonly signer: Signer
  readonly counts: Int32Array
  readonly lastWord: LastWord
}

export type CountsSummed =
  | {
      ok: true
      counts: Int32Array
      of: readonly PeerId[]
      traffic: ReadonlyMap<PeerId, Traffic>
    }
  | { ok: false; why: string; traffic: ReadonlyMap<PeerId, Traffic> }

/** `name` says which mesh, bag and question, to all alike. */
export function sumOfCounts(
  given: readonly Counted[],
  name: string,
  chance: Entropy,
): CountsSummed {
  if (given.length < federationLimits.clientsMin) {
    return { ok: false, why: 'tooFew', traffic: new Map() }
  }
  const byId = new Map(given.map((one) => [one.signer.id, one]))
  const length = (given[0] as Counted).counts.length
  const terms: Terms = {
    round: new Uint8Array(createHash('sha256').update(name).digest()),
    participants: [...byId.keys()].sort(),
    parameters: packed(new Int32Array(length)).length - 1,
    // Counts are whole as they are and have no length; what they may be is seen of the sum.
    clip: 1,
    sketch: 0,
  }
  const { opening, traffic } = carry({
    server: new MaskingServer(terms),
    hasSketches: false,
    clients: new Map(
      given.map(({ signer }) => [
        signer.id,
        new MaskingClient(signer, terms, chance.stream(`${name} ${signer.id}`)),
      ]),
    ),
    update: (peer) => packed((byId.get(peer) as Counted).counts),
    lastWord: (peer) => (byId.get(peer) as Counted).lastWord,
    select: (candidates) => [...candidates.keys()],
  })
  if (!opening.ok) return { ok: false, why: opening.why, traffic }
  const hosts = opening.sum[lengthOf(terms) - 1]
  // Each host adds one: another number of them is of somebody who lies.
  if (hosts !== opening.summed.length) return { ok: false, why: 'impossible', traffic }
  return { ok: true, counts: unpacked(opening.sum, length), of: opening.summed, traffic }
}

/** The same in the open, for what is to be compared with. */
export function sumInTheOpen(given: readonly Counted[]): CountsSummed {
  const [first] = given
  if (first === undefined) return { ok: false, why: 'tooFew', traffic: new Map() }
  const up = 4 * packed(first.counts).length
  const traffic = new Map(given.map(({ signer }) => [signer.id, { up, down: 0 }]))
  const counts = new Int32Array(first.counts.length)
  for (const one of given) {
    for (const [i, count] of one.counts.entries()) counts[i] = (counts[i] as number) + count
  }
  return { ok: true, counts, of: given.map(({ signer }) => signer.id), traffic }
}
