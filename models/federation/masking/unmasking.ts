/**
 * From masked updates and shares to a sum: the own masks of those that are counted and, of those
 * that are not, the masks that their peers had with them, are worked out and taken away. A share is
 * held against what its dealer has committed to, a secret against its public key or digest, and the
 * sum against the sketches; so whoever has lied is named where it can be told.
 */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { sealingKeyFrom } from '../../../protocol/identity/sealing.ts'
import { sameBytes } from '../../../protocol/same-bytes.ts'
import {
  aboutMasks,
  commitmentOfDigests,
  type Dealing,
  digested,
  type Keys,
  type Reveal,
  secretBytes,
  shareDigest,
} from './messages.ts'
import { type Share, secretIn } from './shamir.ts'
import { addsUp } from './sketch.ts'
import { addMask, addTo } from './streams.ts'
import { lengthOf, type Terms, type Thresholds } from './terms.ts'

export interface Collected {
  readonly terms: Terms
  readonly digest: Uint8Array
  readonly needed: Thresholds
  readonly keys: ReadonlyMap<PeerId, Keys>
  readonly dealings: ReadonlyMap<PeerId, Dealing>
  readonly masked: ReadonlyMap<PeerId, Int32Array>
  readonly sketches: ReadonlyMap<PeerId, readonly number[]>
  readonly reveals: ReadonlyMap<PeerId, Reveal>
  readonly selected: readonly PeerId[]
  readonly challenge: Uint8Array
}

export type Opening =
  | { ok: true; sum: Int32Array; summed: readonly PeerId[]; liars: readonly PeerId[] }
  /**
   * `liars`: who has shown a false share, or dealt shares of something else than it said. `of`: whose
   * secret is not to be had.
   */
  | {
      ok: false
      why: 'tooFewShares' | 'falseSecret' | 'sketchesDoNotAddUp'
      liars: readonly PeerId[]
      of?: PeerId
    }

type Secret = { ok: true; secret: Uint8Array } | { ok: false; why: 'tooFewShares' | 'falseSecret' }

/** Step by step. */
export type Steps<T> = Generator<void, T, void>

/** All steps in one go. */
export function done<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/**
 * A step for each who has dealt: of one who is absent, to take its masks away takes as many agreements
 * as there are others. Between two of them a loop may do what else there is.
 */
export function* opening(collected: Collected): Steps<Opening> {
  const { terms, masked, selected, sketches, challenge } = collected
  const liars = new Set<PeerId>()
  const sum = new Int32Array(lengthOf(terms))
  for (const peer of selected) addTo(sum, masked.get(peer) as Int32Array)
  const counted = new Set(selected)
  for (const peer of collected.dealings.keys()) {
    const found = secretOf(peer, counted.has(peer) ? 'mask' : 'key', collected, liars)
    if (!found.ok) {
      if (found.why === 'falseSecret') liars.add(peer)
      return { ok: false, why: found.why, liars: [...liars], of: peer }
    }
    if (counted.has(peer)) addMask(sum, found.secret, -1)
    else takeAway(peer, found.secret, sum, collected)
    yield
  }
  if (terms.sketch > 0) {
    const said = selected.map((peer) => sketches.get(peer) as readonly number[])
    if (!addsUp(said, sum, challenge)) {
      return { ok: false, why: 'sketchesDoNotAddUp', liars: [...liars] }
    }
  }
  return { ok: true, sum, summed: selected, liars: [...liars] }
}

/** The masks that those who count have with one who does not. */
function takeAway(
  absent: PeerId,
  seed: Uint8Array,
  sum: Int32Array,
  { keys, selected, digest }: Collected,
): void {
  const key = sealingKeyFrom(seed)
  for (const peer of selected) {
    const { masking } = keys.get(peer) as Keys
    const secret = key.agreedWith(masking)?.(aboutMasks(digest))
    if (secret !== undefined) addMask(sum, secret, peer < absent ? -1 : 1)
  }
}

function secretOf(
  of: PeerId,
  kind: 'key' | 'mask',
  collected: Collected,
  liars: Set<PeerId>,
): Secret {
  const shares: Share[] = []
  for (const [from, reveal] of collected.reveals) {
    const shown = reveal.shares.find((share) => share.of === of)
    if (shown === undefined) continue
    if (!isAsDealt(shown, kind, from, collected)) liars.add(from)
    else shares.push({ at: collected.terms.participants.indexOf(from) + 1, bytes: shown.share })
  }
  if (shares.length < collected.needed.shares) return { ok: false, why: 'tooFewShares' }
  // All of them, not only as many as are needed: a dealer whose shares do not fit has lied.
  const secret = secretIn(shares)
  return isSecretOf(of, kind, secret, collected)
    ? { ok: true, secret }
    : { ok: false, why: 'falseSecret' }
}

function isAsDealt(
  shown: Reveal['shares'][number],
  kind: 'key' | 'mask',
  from: PeerId,
  { dealings }: Collected,
): boolean {
  const dealt = dealings.get(shown.of as PeerId)?.shares.find(({ peer }) => peer === from)
  if (dealt === undefined || shown.share.length !== secretBytes) return false
  const digest = shareDigest(kind, shown.share)
  const commitment =
    kind === 'key'
      ? commitmentOfDigests(digest, shown.other)
      : commitmentOfDigests(shown.other, digest)
  return sameBytes(commitment, dealt.commitment)
}

function isSecretOf(
  of: PeerId,
  kind: 'key' | 'mask',
  secret: Uint8Array,
  { keys, dealings, digest }: Collected,
): boolean {
  return kind === 'key'
    ? sameBytes(sealingKeyFrom(secret).publicKey, (keys.get(of) as Keys).masking)
    : sameBytes(digested('mask', digest, secret), (dealings.get(of) as Dealing).commitment)
}
