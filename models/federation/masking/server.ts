/**
 * The leader's part in a masked round: it collects what clients say, carries what they have for each
 * other, and at the end opens the sum of those that were selected, and nothing else. A state machine:
 * `take…` for what comes, `close…` when all is there or time is up; whoever says nothing until then
 * is left behind, and the round goes on while enough are left.
 *
 * What clients say is looked at when it comes: who sends what cannot be is named and left out. Of
 * two who differ it is never guessed who lies.
 */
import { type PeerId, type Verify, verify } from '../../../protocol/identity/peer-id.ts'
import { isSealable } from '../../../protocol/identity/sealing.ts'
import { bytesOf, wholeNumbersIn } from './fixed-point.ts'
import {
  type Dealing,
  digested,
  type Hand,
  type KeyList,
  type Keys,
  keysToSign,
  type Masked,
  type Reveal,
  type Roll,
  type Selection,
  type Sketch,
} from './messages.ts'
import { challengeOf } from './sketch.ts'
import { digestOf, lengthOf, type Terms, type Thresholds, thresholdsOf } from './terms.ts'
import { done, type Opening, opening, type Steps } from './unmasking.ts'

export type ServerRefusal =
  | 'outOfTurn'
  | 'stranger'
  | 'twice'
  | 'badSignature'
  | 'badKey'
  | 'malformed'
export type Verdict = 'taken' | ServerRefusal
export type Closed<T> =
  | { ok: true; message: T }
  | { ok: false; why: 'tooFew' | 'outOfTurn'; have: number }

type Phase = 'keys' | 'dealing' | 'masked' | 'sketches' | 'reveals' | 'ended'

/** More would not be exact when they are added. */
const sketchValueMax = 2 ** 46

export class MaskingServer {
  readonly #terms: Terms
  readonly #verify: Verify
  readonly #digest: Uint8Array
  readonly #needed: Thresholds
  readonly #keys = new Map<PeerId, Keys>()
  readonly #dealings = new Map<PeerId, Dealing>()
  readonly #masked = new Map<PeerId, Int32Array>()
  readonly #sketches = new Map<PeerId, readonly number[]>()
  readonly #reveals = new Map<PeerId, Reveal>()
  #selected: readonly PeerId[] = []
  #roll: Roll = { entries: [] }
  #phase: Phase = 'keys'

  /** `judged`: how signatures are, in worlds where they are of another kind. */
  constructor(terms: Terms, judged: Verify = verify) {
    this.#terms = terms
    this.#verify = judged
    this.#digest = digestOf(terms)
    this.#needed = thresholdsOf(terms.participants.length)
  }

  takeKeys(from: PeerId, keys: Keys): Verdict {
    const fault = this.#faultOf(from, 'keys', this.#terms.participants, this.#keys)
    if (fault !== undefined) return fault
    if (keys.from !== from) return 'stranger'
    if (!this.#verify(from, keysToSign(this.#digest, keys), keys.signature)) return 'badSignature'
    if (!isSealable(keys.masking) || !isSealable(keys.sharing)) return 'badKey'
    this.#keys.set(from, keys)
    return 'taken'
  }

  closeKeys(): Closed<KeyList> {
    return this.#close('keys', 'dealing', this.#keys, this.#needed.shares, () => ({
      keys: inOrder(this.#keys).map(([, keys]) => keys),
    }))
  }

  takeDealing(from: PeerId, dealing: Dealing): Verdict {
    const fault = this.#faultOf(from, 'dealing', this.#keys, this.#dealings)
    if (fault !== undefined) return fault
    const peers = dealing.shares.map(({ peer }) => peer)
    const isWhole = peers.length === this.#keys.size && new Set(peers).size === peers.length
    if (!isWhole || !peers.every((peer) => this.#keys.has(peer as PeerId))) return 'malformed'
    this.#dealings.set(from, dealing)
    return 'taken'
  }

  /** What is dealt to each of those who have dealt. */
  closeDealing(): Closed<ReadonlyMap<PeerId, Hand>> {
    return this.#close('dealing', 'masked', this.#dealings, this.#needed.shares, () => {
      const dealers = inOrder(this.#dealings)
      return new Map(
        dealers.map(([to]) => [
          to,
          {
            shares: dealers.map(([peer, { shares }]) => {
              const share = shares.find((one) => one.peer === to)
              return { ...(share as (typeof shares)[number]), peer }
            }),
          },
        ]),
      )
    })
  }

  takeMasked(from: PeerId, { values }: Masked): Verdict {
    const fault = this.#faultOf(from, 'masked', this.#dealings, this.#masked)
    if (fault !== undefined) return fault
    if (values.length !== 4 * lengthOf(this.#terms)) return 'malformed'
    this.#masked.set(from, wholeNumbersIn(values))
    return 'taken'
  }

  /** Where the terms ask for no sketches, all whose updates are there are selected next. */
  closeMasked(): Closed<Roll> {
    return this.#close('masked', 'sketches', this.#masked, this.#needed.summedMin, () => {
      const entries = inOrder(this.#masked).map(([peer, values]) => ({
        peer,
        digest: digested('masked', bytesOf(values)),
      }))
      this.#roll = { entries }
      return this.#roll
    })
  }

  takeSketch(from: PeerId, { sums }: Sketch): Verdict {
    const fault = this.#faultOf(from, 'sketches', this.#masked, this.#sketches)
    if (fault !== undefined) return fault
    if (sums.length !== this.#terms.sketch + 1) return 'malformed'
    if (sums.some((value) => Math.abs(value) > sketchValueMax)) return 'malformed'
    this.#sketches.set(from, sums)
    return 'taken'
  }

  /** Who may be selected: those whose sketches are there, or whose updates where none are asked for. */
  candidates(): ReadonlyMap<PeerId, readonly number[]> {
    if (this.#terms.sketch > 0) return new Map(inOrder(this.#sketches))
    return new Map(inOrder(this.#masked).map(([peer]) => [peer, []]))
  }

  select(peers: readonly PeerId[]): Closed<Selection> {
    const candidates = this.candidates()
    const selected = [...new Set(peers)].filter((peer) => candidates.has(peer)).sort()
    const all = new Map(selected.map((peer) => [peer, true]))
    return this.#close('sketches', 'reveals', all, this.#needed.summedMin, () => {
      this.#selected = selected
      return { peers: [...selected] }
    })
  }

  takeReveal(from: PeerId, reveal: Reveal): Verdict {
    const fault = this.#faultOf(from, 'reveals', this.#masked, this.#reveals)
    if (fault !== undefined) return fault
    const of = reveal.shares.map((share) => share.of)
    if (new Set(of).size !== of.length) return 'malformed'
    this.#reveals.set(from, reveal)
    return 'taken'
  }

  /** Who may still say something before this is closed. */
  get awaited(): readonly PeerId[] {
    const expected: Record<Phase, readonly [Iterable<PeerId>, ReadonlyMap<PeerId, unknown>]> = {
      keys: [this.#terms.participants, this.#keys],
      dealing: [this.#keys.keys(), this.#dealings],
      masked: [this.#dealings.keys(), this.#masked],
      sketches: [this.#masked.keys(), this.#sketches],
      reveals: [this.#masked.keys(), this.#reveals],
      ended: [[], new Map()],
    }
    const [from, have] = expected[this.#phase]
    return [...from].filter((peer) => !have.has(peer))
  }

  /** The sum of the selected updates. Once; a round that did not open must begin anew. */
  open(): Opening | { ok: false; why: 'outOfTurn' } {
    return done(this.opening())
  }

  /** The same, in steps that hold nothing up. */
  *opening(): Steps<Opening | { ok: false; why: 'outOfTurn' }> {
    if (this.#phase !== 'reveals') return { ok: false, why: 'outOfTurn' }
    this.#phase = 'ended'
    return yield* opening({
      terms: this.#terms,
      digest: this.#digest,
      needed: this.#needed,
      keys: this.#keys,
      dealings: this.#dealings,
      masked: this.#masked,
      sketches: this.#sketches,
      reveals: this.#reveals,
      selected: this.#selected,
      challenge: challengeOf(this.#digest, this.#roll),
    })
  }

  #faultOf(
    from: PeerId,
    phase: Phase,
    allowed: ReadonlyMap<PeerId, unknown> | readonly PeerId[],
    have: ReadonlyMap<PeerId, unknown>,
  ): ServerRefusal | undefined {
    if (this.#phase !== phase) return 'outOfTurn'
    const isAllowed = Array.isArray(allowed)
      ? allowed.includes(from)
      : (allowed as ReadonlyMap<PeerId, unknown>).has(from)
    if (!isAllowed) return 'stranger'
    return have.has(from) ? 'twice' : undefined
  }

  #close<T>(
    at: Phase,
    next: Phase,
    have: ReadonlyMap<PeerId, unknown>,
    neededCount: number,
    message: () => T,
  ): Closed<T> {
    if (this.#phase !== at) return { ok: false, why: 'outOfTurn', have: have.size }
    if (have.size < neededCount) {
      this.#phase = 'ended'
      return { ok: false, why: 'tooFew', have: have.size }
    }
    this.#phase = next
    return { ok: true, message: message() }
  }
}

function inOrder<T>(map: ReadonlyMap<PeerId, T>): [PeerId, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
