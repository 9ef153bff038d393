/**
 * What clients and the leader say to each other in a masked round. The leader carries what one
 * client has for another; who said what the leader knows by its connections, and clients know of
 * each other by signatures and by secrets that two of them share.
 */
import { createHash } from 'node:crypto'
import {
  certificateLimits,
  publicKeyBytes,
  signatureBytes,
} from '../../../protocol/identity/limits.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import {
  bytes,
  field,
  type Infer,
  int,
  message,
  nested,
  repeated,
  text,
} from '../../../protocol/wire/schema.ts'
import { federationLimits } from '../limits.ts'

const { clientsMax, parametersMax, sketchMax } = federationLimits
const peer = text(certificateLimits.keyBytesMax)
const hashBytes = 32
export const secretBytes = 32
/** Both shares, sealed, with nonce and tag. */
const sealedBytesMax = 2 * secretBytes + 12 + 16

/** From each client: two keys of this round alone, signed as its host. */
export const Keys = message('MaskingKeys', {
  from: field(1, peer),
  masking: field(2, bytes(publicKeyBytes)),
  sharing: field(3, bytes(publicKeyBytes)),
  signature: field(4, bytes(signatureBytes)),
})
export type Keys = Infer<typeof Keys>

/** To each client: of whom there are keys. */
export const KeyList = message('MaskingKeyList', { keys: repeated(1, nested(Keys), clientsMax) })
export type KeyList = Infer<typeof KeyList>

const SealedShare = message('MaskingShare', {
  /** Who it is for, on the way to the leader; who it is of, on the way from there. */
  peer: field(1, peer),
  sealed: field(2, bytes(sealedBytesMax)),
  /** Of both shares: what is shown later is held against it. */
  commitment: field(3, bytes(hashBytes)),
})

/** From each client: a share of each of its two secrets for each peer. */
export const Dealing = message('MaskingDealing', {
  shares: repeated(1, nested(SealedShare), clientsMax),
  /** Of the secret behind its own mask. Its other secret has a public key. */
  commitment: field(2, bytes(hashBytes)),
})
export type Dealing = Infer<typeof Dealing>

/** To each client: what others have dealt to it. */
export const Hand = message('MaskingHand', { shares: repeated(1, nested(SealedShare), clientsMax) })
export type Hand = Infer<typeof Hand>

/** From each client: its update under masks. */
export const Masked = message('MaskingMasked', {
  values: field(1, bytes(4 * (parametersMax + 1))),
})
export type Masked = Infer<typeof Masked>

/** To each client: whose updates are there, by digest, so that none can be another one later. */
export const Roll = message('MaskingRoll', {
  entries: repeated(
    1,
    nested(
      message('MaskingRollEntry', { peer: field(1, peer), digest: field(2, bytes(hashBytes)) }),
    ),
    clientsMax,
  ),
})
export type Roll = Infer<typeof Roll>

/** From each client: some sums over its update with signs that come of the roll; last its weight. */
export const Sketch = message('MaskingSketch', { sums: repeated(1, int(), sketchMax + 1) })
export type Sketch = Infer<typeof Sketch>

/** To each client: whose updates are to be summed. */
export const Selection = message('MaskingSelection', { peers: repeated(1, peer, clientsMax) })
export type Selection = Infer<typeof Selection>

/** From each client: of each who has masked, one share: of its own mask, or of its masking key. */
export const Reveal = message('MaskingReveal', {
  shares: repeated(
    1,
    nested(
      message('MaskingRevealed', {
        of: field(1, peer),
        share: field(2, bytes(secretBytes)),
        /** The digest of the other one, which stays secret: both together were committed to. */
        other: field(3, bytes(hashBytes)),
      }),
    ),
    clientsMax,
  ),
})
export type Reveal = Infer<typeof Reveal>

export function keysToSign(terms: Uint8Array, keys: Pick<Keys, 'masking' | 'sharing'>): Uint8Array {
  return Buffer.concat([Buffer.from('skein masking keys v1\n'), terms, keys.masking, keys.sharing])
}

/** What a key of two clients is about: this round, and for shares who deals to whom. */
export function aboutShares(terms: Uint8Array, from: PeerId, to: PeerId): string {
  return `masking shares ${Buffer.from(terms).toString('hex')} ${from} ${to}`
}

export function aboutMasks(terms: Uint8Array): string {
  return `masking stream ${Buffer.from(terms).toString('hex')}`
}

export function digested(what: string, ...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(`skein masking ${what} v1\n`)
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** Two shares are committed to by digests of each, so that one can be shown without the other. */
export function commitmentOf(keyShare: Uint8Array, maskShare: Uint8Array): Uint8Array {
  return commitmentOfDigests(shareDigest('key', keyShare), shareDigest('mask', maskShare))
}

export function shareDigest(of: 'key' | 'mask', share: Uint8Array): Uint8Array {
  return digested(`share of ${of}`, share)
}

export function commitmentOfDigests(key: Uint8Array, mask: Uint8Array): Uint8Array {
  return digested('shares', key, mask)
}
