/**
 * One host's part in a masked round (Bonawitz and others 2017), as a state machine: what the leader
 * says goes in, what is to be said comes out, each once and in this order: keys, shares for peers,
 * the masked update, a sketch of it, shares of what others can no longer say.
 *
 * The update is hidden by one mask for each peer, which that peer's own takes away again in the sum,
 * and by one of the client's own, which is taken away when enough peers say that the update counts.
 * Invariant: of no peer are shares of both its secrets given, whatever the leader says; who has both
 * could see the update. Nothing that comes from others can throw, and after a refusal all is over.
 */

import { assert } from '../../../protocol/assert.ts'
import {
  type PeerId,
  type Signer,
  type Verify,
  verify,
} from '../../../protocol/identity/peer-id.ts'
import {
  type Agreement,
  openedUnder,
  type SealingKey,
  sealedUnder,
  sealingKeyFrom,
} from '../../../protocol/identity/sealing.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { sameBytes } from '../../../protocol/same-bytes.ts'
import { bytesOf } from './fixed-point.ts'
import {
  aboutMasks,
  aboutShares,
  commitmentOf,
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
  secretBytes,
  shareDigest,
} from './messages.ts'
import { sharesOf } from './shamir.ts'
import { challengeOf, sketchOf } from './sketch.ts'
import { addMask } from './streams.ts'
import { digestOf, lengthOf, type Terms, type Thresholds, thresholdsOf } from './terms.ts'

export type ClientRefusal =
  /** Said before its time, twice, or after the end. */
  | 'outOfTurn'
  /** Somebody who takes no part, twice the same, or not in order. */
  | 'strangers'
  /** Keys of this very client are not there, or not as it has sent them. */
  | 'ownNotTold'
  | 'badSignature'
  | 'tooFew'

export type Said<T> = { ok: true; message: T } | { ok: false; why: ClientRefusal }

interface Held {
  readonly key: Uint8Array
  readonly mask: Uint8Array
}

type Phase = 'new' | 'keyed' | 'dealt' | 'masked' | 'sketched' | 'ended'

const noNonce = new Uint8Array(12)

export class MaskingClient {
  readonly #signer: Signer
  readonly #verify: Verify
  readonly #terms: Terms
  readonly #digest: Uint8Array
  readonly #needed: Thresholds
  readonly #keySeed: Uint8Array
  readonly #masking: SealingKey
  readonly #sharing: SealingKey
  readonly #maskSeed: Uint8Array
  readonly #chance: Entropy
  readonly #keys = new Map<PeerId, Keys>()
  readonly #agreements = new Map<PeerId, Agreement>()
  readonly #held = new Map<PeerId, Held>()
  #summed: Int32Array = new Int32Array(0)
  #maskedDigest: Uint8Array = new Uint8Array(0)
  #maskedPeers: ReadonlySet<PeerId> = new Set()
  #phase: Phase = 'new'

  /**
   * `chance`: of this round alone. With the same again, masks would be the same again. `judged`: how
   * signatures of others are, in worlds where they are of another kind.
   */
  constructor(signer: Signer, terms: Terms, chance: Entropy, judged: Verify = verify) {
    assert(terms.participants.includes(signer.id), 'a client must take part')
    this.#signer = signer
    this.#verify = judged
    this.#terms = terms
    this.#digest = digestOf(terms)
    this.#needed = thresholdsOf(terms.participants.length)
    this.#keySeed = chance.bytes(secretBytes)
    this.#masking = sealingKeyFrom(this.#keySeed)
    this.#sharing = sealingKeyFrom(chance.bytes(secretBytes))
    this.#maskSeed = chance.bytes(secretBytes)
    this.#chance = chance
  }

  keys(): Said<Keys> {
    if (!this.#isTurn('new', 'keyed')) return this.#refuse('outOfTurn')
    const masking = this.#masking.publicKey
    const sharing = this.#sharing.publicKey
    const signature = this.#signer.sign(keysToSign(this.#digest, { masking, sharing }))
    const keys = { from: this.#signer.id, masking, sharing, signature }
    this.#keys.set(this.#signer.id, keys)
    return { ok: true, message: keys }
  }

  deal(list: KeyList): Said<Dealing> {
    if (!this.#isTurn('keyed', 'dealt')) return this.#refuse('outOfTurn')
    const own = this.#keys.get(this.#signer.id) as Keys
    const told = list.keys.find(({ from }) => from === this.#signer.id)
    if (told === undefined || !sameBytes(told.masking, own.masking))
      return this.#refuse('ownNotTold')
    if (list.keys.length < this.#needed.shares) return this.#refuse('tooFew')
    if (!this.#areParticipants(list.keys.map(({ from }) => from))) return this.#refuse('strangers')
    for (const keys of list.keys) {
      const from = keys.from as PeerId
      if (!this.#verify(from, keysToSign(this.#digest, keys), keys.signature)) {
        return this.#refuse('badSignature')
      }
      this.#keys.set(from, keys)
    }
    return this.#dealt()
  }

  #dealt(): Said<Dealing> {
    const peers = [...this.#keys.keys()].sort()
    const [ofKey, ofMask] = [this.#keySeed, this.#maskSeed].map((secret) => {
      const chance = this.#chance.bytes(secretBytes * (this.#needed.shares - 1))
      return sharesOf(secret, this.#needed.shares, this.#terms.participants.length, chance)
    })
    const shares: Dealing['shares'] = []
    for (const peer of peers) {
      const at = this.#terms.participants.indexOf(peer)
      const held = {
        key: ofKey?.[at]?.bytes as Uint8Array,
        mask: ofMask?.[at]?.bytes as Uint8Array,
      }
      if (peer === this.#signer.id) this.#held.set(peer, held)
      const about = aboutShares(this.#digest, this.#signer.id, peer)
      const key = this.#sharedWith(peer, about)
      // A key with which nothing can be agreed is a peer's doing, and its own loss.
      if (key === undefined) continue
      const both = Buffer.concat([held.key, held.mask])
      const sealed = sealedUnder(key, both, about, noNonce)
      shares.push({ peer, sealed, commitment: commitmentOf(held.key, held.mask) })
    }
    const commitment = digested('mask', this.#digest, this.#maskSeed)
    return { ok: true, message: { shares, commitment } }
  }

  /** `update`: on the grid, the weight last. Peers who dealt nothing get no mask. */
  mask(hand: Hand, update: Int32Array): Said<Masked> {
    assert(update.length === lengthOf(this.#terms), 'an update must be as long as the model')
    if (!this.#isTurn('dealt', 'masked')) return this.#refuse('outOfTurn')
    const peers = hand.shares.map(({ peer }) => peer as PeerId)
    if (!peers.every((peer) => this.#keys.has(peer)) || !this.#areParticipants(peers)) {
      return this.#refuse('strangers')
    }
    if (!peers.includes(this.#signer.id)) return this.#refuse('ownNotTold')
    if (peers.length < this.#needed.shares) return this.#refuse('tooFew')
    for (const { peer, sealed, commitment } of hand.shares)
      this.#take(peer as PeerId, sealed, commitment)
    this.#maskedPeers = new Set(peers)
    const masked = update.slice()
    addMask(masked, this.#maskSeed, 1)
    for (const peer of peers) this.#addMaskWith(peer, masked)
    this.#summed = update.slice()
    this.#maskedDigest = digested('masked', bytesOf(masked))
    return { ok: true, message: { values: bytesOf(masked) } }
  }

  #addMaskWith(peer: PeerId, masked: Int32Array): void {
    if (peer === this.#signer.id) return
    const { masking } = this.#keys.get(peer) as Keys
    const key = this.#masking.agreedWith(masking)?.(aboutMasks(this.#digest))
    if (key !== undefined) addMask(masked, key, this.#signer.id < peer ? 1 : -1)
  }

  /** What does not open, or is not what was committed to, is as if it had not come. */
  #take(from: PeerId, sealed: Uint8Array, commitment: Uint8Array): void {
    if (from === this.#signer.id) return
    const about = aboutShares(this.#digest, from, this.#signer.id)
    const key = this.#sharedWith(from, about)
    const both = key && openedUnder(key, sealed, about)
    if (both?.length !== 2 * secretBytes) return
    const held = { key: both.slice(0, secretBytes), mask: both.slice(secretBytes) }
    if (sameBytes(commitmentOf(held.key, held.mask), commitment)) this.#held.set(from, held)
  }

  sketch(roll: Roll): Said<Sketch> {
    if (!this.#isTurn('masked', 'sketched')) return this.#refuse('outOfTurn')
    const own = roll.entries.find(({ peer }) => peer === this.#signer.id)
    if (own === undefined || !sameBytes(own.digest, this.#maskedDigest))
      return this.#refuse('ownNotTold')
    if (!this.#haveMasked(roll.entries.map(({ peer }) => peer))) return this.#refuse('strangers')
    if (roll.entries.length < this.#needed.summedMin) return this.#refuse('tooFew')
    const challenge = challengeOf(this.#digest, roll)
    return { ok: true, message: { sums: sketchOf(this.#summed, this.#terms.sketch, challenge) } }
  }

  /** Once, and for one selection: of those in it the mask, of all others the masking key. */
  reveal(selection: Selection): Said<Reveal> {
    const before = this.#terms.sketch > 0 ? 'sketched' : 'masked'
    if (!this.#isTurn(before, 'ended')) return this.#refuse('outOfTurn')
    if (!this.#haveMasked(selection.peers)) return this.#refuse('strangers')
    if (selection.peers.length < this.#needed.summedMin) return this.#refuse('tooFew')
    const counted = new Set(selection.peers)
    const shares: Reveal['shares'] = []
    for (const of of [...this.#maskedPeers].sort()) {
      const held = this.#held.get(of)
      if (held === undefined) continue
      const isCounted = counted.has(of)
      // Its own masking key is nobody's to ask of it: who reveals is there to be counted.
      if (!isCounted && of === this.#signer.id) continue
      const share = isCounted ? held.mask : held.key
      const other = isCounted ? shareDigest('key', held.key) : shareDigest('mask', held.mask)
      shares.push({ of, share, other })
    }
    return { ok: true, message: { shares } }
  }

  #sharedWith(peer: PeerId, about: string): Uint8Array | undefined {
    const known = this.#agreements.get(peer)
    const agreed = known ?? this.#sharing.agreedWith((this.#keys.get(peer) as Keys).sharing)
    if (agreed !== undefined) this.#agreements.set(peer, agreed)
    return agreed?.(about)
  }

  #haveMasked(peers: readonly string[]): boolean {
    return (
      this.#areParticipants(peers) && peers.every((peer) => this.#maskedPeers.has(peer as PeerId))
    )
  }

  /** Each once, in the order of names. */
  #areParticipants(peers: readonly string[]): boolean {
    return (
      peers.every((peer) => this.#terms.participants.includes(peer as PeerId)) &&
      peers.every((peer, i) => i === 0 || (peers[i - 1] as string) < peer)
    )
  }

  #isTurn(at: Phase, next: Phase): boolean {
    if (this.#phase !== at) return false
    this.#phase = next
    return true
  }

  #refuse<T>(why: ClientRefusal): Said<T> {
    this.#phase = 'ended'
    return { ok: false, why }
  }
}
