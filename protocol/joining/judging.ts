/**
 * Whether a host is let in by a token: by what the ledger keeps of the token, and what the host has
 * proven. Whoever was let in by it once may ask again, as its answer may have been lost, and is
 * given a certificate of the same serial: one that was taken back stays taken back.
 */
import { type PeerId, verify } from '../identity/peer-id.ts'
import type { PeerRole } from '../identity/roles.ts'
import { claimBytes, type JoinClaim } from './messages.ts'

export interface TokenTerms {
  /** The public half of what the token carries. */
  readonly key: PeerId
  readonly role: PeerRole
  readonly labels: Readonly<Record<string, string>>
  /** What the one host that it lets in is called. */
  readonly name?: string | undefined
  readonly uses: number
  readonly expiresMs: number
}

/** A host that was let in. */
export interface TokenUse {
  readonly peer: PeerId
  readonly name: string
  /** Of its certificate. */
  readonly serial: string
  readonly atMs: number
}

export interface TokenRecord extends TokenTerms {
  readonly isRevoked: boolean
  readonly used: readonly TokenUse[]
}

export type TokenState = 'good' | 'revoked' | 'expired' | 'spent'

export type JoinFault =
  | 'unknownToken'
  | 'badSignature'
  | Exclude<TokenState, 'good'>
  /** The host was taken back, or the certificate that it got by this token. */
  | 'hostRevoked'

export type JoinVerdict =
  | { ok: true; terms: TokenTerms; again: TokenUse | undefined }
  | { ok: false; why: JoinFault }

export function tokenStateAt(record: TokenRecord, nowMs: number): TokenState {
  if (record.isRevoked) return 'revoked'
  if (nowMs >= record.expiresMs) return 'expired'
  return record.used.length >= record.uses ? 'spent' : 'good'
}

export function judgeJoin(
  record: TokenRecord | undefined,
  claim: JoinClaim,
  signature: Uint8Array,
  nowMs: number,
  /** Whether the host was taken back; `use` is what it was let in by before. */
  isTurnedAway: (use: TokenUse | undefined) => boolean,
): JoinVerdict {
  if (record === undefined) return fault('unknownToken')
  // Before all else: whoever cannot prove it is told and told of nothing more.
  if (!verify(record.key, claimBytes(claim), signature)) return fault('badSignature')
  const again = record.used.find(({ peer }) => peer === claim.joiner)
  if (isTurnedAway(again)) return fault('hostRevoked')
  const state = tokenStateAt(record, nowMs)
  if (state === 'good' || (state === 'spent' && again !== undefined)) {
    return { ok: true, terms: record, again }
  }
  return fault(state)
}

function fault(why: JoinFault): JoinVerdict {
  return { ok: false, why }
}
