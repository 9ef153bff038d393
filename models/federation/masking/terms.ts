/**
 * What a round is: who takes part, over how many numbers, and how many must do what. Whoever takes
 * part has the same terms or none: everything signed, agreed on and derived in a round names their
 * digest.
 */
import { createHash } from 'node:crypto'
import { assert } from '../../../protocol/assert.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { encode } from '../../../protocol/wire/codec.ts'
import {
  bytes,
  field,
  float,
  message,
  repeated,
  text,
  uint,
} from '../../../protocol/wire/schema.ts'
import { federationLimits } from '../limits.ts'
import { fractionBitsFor } from './fixed-point.ts'

const { clientsMin, clientsMax, parametersMax, sketchMax } = federationLimits

export interface Terms {
  /** Of the mesh, the model that is trained and the number of the round: said once in its life. */
  readonly round: Uint8Array
  /** In the order of their names, each once. */
  readonly participants: readonly PeerId[]
  readonly parameters: number
  /** No client's update is longer, in the sense of Euclid. */
  readonly clip: number
  /** Numbers by which the leader may compare updates that it does not see; 0 for none. */
  readonly sketch: number
}

export const roundIdBytes = 32

const TermsOnTheWire = message('MaskingTerms', {
  round: field(1, bytes(roundIdBytes)),
  participants: repeated(2, text(128), clientsMax),
  parameters: field(3, uint()),
  clip: field(4, float()),
  sketch: field(5, uint()),
})

export type TermsFault = 'participants' | 'parameters' | 'clip' | 'sketch' | 'round'

/** What is wrong with terms that somebody proposes; undefined for none. */
export function faultOf(terms: Terms): TermsFault | undefined {
  const { participants, parameters, clip, sketch, round } = terms
  if (round.length !== roundIdBytes) return 'round'
  if (participants.length < clientsMin || participants.length > clientsMax) return 'participants'
  const isOrdered = participants.every((id, i) => i === 0 || (participants[i - 1] as PeerId) < id)
  if (!isOrdered) return 'participants'
  if (!isWhole(parameters) || parameters < 1 || parameters > parametersMax) return 'parameters'
  if (!(clip > 0) || clip > 2 ** 16) return 'clip'
  if (!isWhole(sketch) || sketch > sketchMax) return 'sketch'
  return undefined
}

export function digestOf(terms: Terms): Uint8Array {
  assert(faultOf(terms) === undefined, 'terms must be looked at before they are used')
  const { participants, ...rest } = terms
  const whole = encode(TermsOnTheWire, { ...rest, participants: [...participants] })
  return new Uint8Array(createHash('sha256').update('skein masking v1\n').update(whole).digest())
}

/** One number more than the model has: the last is the weight, so that the sum of weights comes too. */
export function lengthOf(terms: Terms): number {
  return terms.parameters + 1
}

/** No number of an update is beyond `clip`, and no weight beyond 1: eight times that is for noise. */
export function gridOf({ participants, clip }: Terms): { bits: number; bound: number } {
  const bound = 8 * Math.max(clip, 1)
  return { bits: fractionBitsFor(participants.length, bound), bound }
}

/**
 * `shares`: how many give a secret back. Each client gives a share of one of a peer's two secrets
 * only, so the leader and `colluders` clients together have less than `shares` of either of them
 * where all others are honest: 2 × shares > n + colluders. `summedMin`: no sum of fewer is opened,
 * which leaves two honest ones in it at least.
 */
export interface Thresholds {
  readonly shares: number
  readonly colluders: number
  readonly summedMin: number
}

export function thresholdsOf(clients: number): Thresholds {
  const colluders = Math.floor((clients - 1) / 3)
  const shares = Math.floor((2 * clients) / 3) + 1
  assert(2 * shares > clients + colluders, 'nobody may learn both secrets of one', { clients })
  return { shares, colluders, summedMin: Math.max(3, colluders + 2) }
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
