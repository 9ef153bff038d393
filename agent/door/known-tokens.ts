/**
 * Tokens that were found good, for as long as they live: a stream of requests costs one check of
 * signatures. Kept by their hash, so that no comparison with a secret tells how much of it was right.
 */
import { createHash } from 'node:crypto'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { Trust } from '../../protocol/identity/credential.ts'
import { openToken, type TokenFault } from '../../protocol/identity/token.ts'

export type SignedIn =
  /** `issuer`: the serial of the issuing key's certificate behind it, where there is one. */
  { ok: true; by: Grant; issuer: string | undefined } | { ok: false; why: TokenFault }

interface Known {
  by: Grant
  audience: string
  serials: readonly string[]
  expiresMs: number
}

export class KnownTokens {
  readonly #trust: Trust
  readonly #tokensMax: number
  readonly #known = new Map<string, Known>()

  constructor(trust: Trust, tokensMax: number) {
    this.#trust = trust
    this.#tokensMax = tokensMax
  }

  holderOf(token: string, audience: string, nowMs: number): SignedIn {
    const key = createHash('sha256').update(token).digest('base64')
    const known = this.#known.get(key)
    if (known !== undefined) return this.#still(key, known, audience, nowMs)
    const opened = openToken(token, audience, this.#trust, nowMs)
    if (!opened.ok) return opened
    const { by, serials, expiresMs } = opened
    if (this.#known.size >= this.#tokensMax) this.#forget(nowMs)
    this.#known.set(key, { by, audience, serials, expiresMs })
    return { ok: true, by, issuer: serials[1] }
  }

  get size(): number {
    return this.#known.size
  }

  #still(key: string, known: Known, audience: string, nowMs: number): SignedIn {
    if (nowMs >= known.expiresMs) {
      this.#known.delete(key)
      return { ok: false, why: 'expired' }
    }
    if (known.audience !== audience) return { ok: false, why: 'otherAudience' }
    if (known.serials.some((serial) => this.#trust.isRevoked(serial))) {
      return { ok: false, why: 'revoked' }
    }
    return { ok: true, by: known.by, issuer: known.serials[1] }
  }

  /** Those that have expired; or else the one that was taken in first. */
  #forget(nowMs: number): void {
    for (const [key, { expiresMs }] of this.#known) {
      if (nowMs >= expiresMs) this.#known.delete(key)
    }
    if (this.#known.size < this.#tokensMax) return
    for (const key of this.#known.keys()) return void this.#known.delete(key)
  }
}
