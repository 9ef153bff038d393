/**
 * Heads of the audit chain, signed by the agents that see them. Whoever keeps one can prove later
 * that the log had this entry then: one that was changed before it, or cut off, does not hash to it.
 * The hash covers the whole log, so a head names its mesh by that alone.
 */
import { signatureBytes } from '../identity/limits.ts'
import { type PeerId, type Signer, verify } from '../identity/peer-id.ts'
import { bytes, field, type Infer, message, uint } from '../wire/schema.ts'
import { fromOctets, toOctets } from './octets.ts'
import type { AuditMark } from './state.ts'

const hashBytes = 32

export const AuditHead = message('AuditHead', {
  sequence: field(1, uint()),
  hash: field(2, bytes(hashBytes)),
  signature: field(3, bytes(signatureBytes)),
})
export type AuditHead = Infer<typeof AuditHead>

/** A head, and who has signed it. */
export interface PeerHead extends AuditHead {
  readonly peer: PeerId
}

export function signHead({ sequence, hash }: AuditMark, signer: Signer): AuditHead {
  const bare = { sequence, hash: fromOctets(hash) }
  return { ...bare, signature: signer.sign(signedBytes(bare)) }
}

/** Whether that peer has signed it. */
export function isHeadOf(
  { peer, ...head }: PeerHead,
  check: (peer: PeerId, bytes: Uint8Array, signature: Uint8Array) => boolean = verify,
): boolean {
  return head.hash.length === hashBytes && check(peer, signedBytes(head), head.signature)
}

export function markOf({ sequence, hash }: AuditHead): AuditMark {
  return { sequence, hash: toOctets(hash) }
}

export function isSameHead(a: AuditHead, b: AuditHead): boolean {
  return a.sequence === b.sequence && toOctets(a.hash) === toOctets(b.hash)
}

const context = 'skein audit head v1\n'

function signedBytes({ sequence, hash }: Pick<AuditHead, 'sequence' | 'hash'>): Uint8Array {
  return Buffer.concat([Buffer.from(`${context}${sequence}\n`), hash])
}

/**
 * Of one peer's heads so many that where a chain was changed can be narrowed down: all when they are
 * few, and else the first, the newest, and between them the denser the newer. Two of one number that
 * differ are both kept: they prove that the peer has seen two chains.
 */
export function thinned<T extends AuditHead>(heads: readonly T[], keptMax: number): T[] {
  const kept = [...heads].sort((a, b) => a.sequence - b.sequence)
  while (kept.length > keptMax) kept.splice(leastTelling(kept), 1)
  return kept
}

/** The one whose neighbours are closest together, for how far back they are. */
function leastTelling(heads: readonly AuditHead[]): number {
  const sequenceAt = (i: number) => heads[i]?.sequence ?? 0
  const newest = sequenceAt(heads.length - 1)
  let least = 1
  let leastGap = Number.POSITIVE_INFINITY
  for (let i = 1; i < heads.length - 1; i++) {
    const gap = (sequenceAt(i + 1) - sequenceAt(i - 1)) / (newest - sequenceAt(i) + 1)
    if (gap >= leastGap) continue
    least = i
    leastGap = gap
  }
  return least
}
