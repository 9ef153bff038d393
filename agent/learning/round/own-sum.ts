/**
 * This host's part in one sum under masks, from keys to shares. What goes into it is asked for when it
 * is to be hidden, and what is said is refused as `MaskingClient` refuses it.
 */
import { MaskingClient, type Said } from '../../../models/federation/masking/client.ts'
import { faultOf, type Terms } from '../../../models/federation/masking/terms.ts'
import type { PeerId, Signer, Verify } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { roundLimits } from './limits.ts'
import { outOfTurn, type RoundReply, type RoundStep, refusal } from './wire.ts'

export interface OwnSumParts {
  /** How this host signs its keys, and how it judges those of others. */
  readonly signer: Signer
  readonly verify: Verify
  /** Whether that is a host of the mesh, as this one knows it: others are nobody's participants. */
  isHost(peer: PeerId): boolean
}

export type SumStep = Extract<RoundStep, { kind: 'deal' | 'mask' | 'sketch' | 'reveal' }>
type MaskedKind = 'keys' | 'dealing' | 'masked' | 'sketch' | 'reveal'

export class OwnSum {
  readonly terms: Terms
  readonly #client: MaskingClient
  #state: 'open' | 'revealed' | 'refused' = 'open'

  /** Of terms that were looked at: see `wrongTerms`. */
  constructor(parts: OwnSumParts, terms: Terms, chance: Entropy) {
    this.terms = terms
    this.#client = new MaskingClient(parts.signer, terms, chance, parts.verify)
  }

  get state(): 'open' | 'revealed' | 'refused' {
    return this.#state
  }

  keys(): RoundReply {
    return this.#said(this.#client.keys(), 'keys')
  }

  take(step: SumStep, hidden: () => Int32Array): RoundReply {
    if (this.#state !== 'open') return outOfTurn
    switch (step.kind) {
      case 'deal':
        return this.#said(this.#client.deal(step.value), 'dealing')
      case 'mask':
        return this.#said(this.#client.mask(step.value, hidden()), 'masked')
      case 'sketch':
        return this.#said(this.#client.sketch(step.value), 'sketch')
      case 'reveal':
        return this.#said(this.#client.reveal(step.value), 'reveal')
    }
  }

  #said<K extends MaskedKind>(
    said: Said<Extract<RoundReply, { kind: K }>['value']>,
    kind: K,
  ): RoundReply {
    if (!said.ok) {
      this.#state = 'refused'
      return refusal(said.why === 'outOfTurn' ? 'outOfTurn' : 'refused', said.why)
    }
    if (kind === 'reveal') this.#state = 'revealed'
    return { kind, value: said.message } as RoundReply
  }
}

/** Why this host takes no part in such a sum; undefined where it does. */
export function wrongTerms(terms: Terms, { signer, isHost }: OwnSumParts): RoundReply | undefined {
  const { participants } = terms
  const { participantsMax } = roundLimits
  if (participants.length > participantsMax) {
    return refusal('beyondLimits', `no round is to have more than ${participantsMax} hosts`)
  }
  const fault = faultOf(terms)
  if (fault !== undefined) return refusal('beyondLimits', `no round is to have such ${fault}`)
  // Of hosts that are none, whoever leads could say that they have masked with this one.
  if (!participants.includes(signer.id) || !participants.every((peer) => isHost(peer))) {
    return refusal('strangers', 'not all who are to take part are hosts that it knows')
  }
  return undefined
}
