/**
 * Who peers have shown to be. A credential is judged once, and remembered by its bytes; its time
 * and whether it was taken back are looked at whenever somebody asks.
 *
 * Invariant: whoever is known here has shown a certificate for the very key that its connection
 * was made with.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type Grant, grantIn } from '../../protocol/identity/certificate.ts'
import { believe, type CredentialFault, type Trust } from '../../protocol/identity/credential.ts'
import { Introduction } from '../../protocol/identity/introduction.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { hasRole, type PeerRole } from '../../protocol/identity/roles.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { decode } from '../../protocol/wire/codec.ts'
import { trustLimits } from './limits.ts'

/** Why a peer, or something of it, was not taken. */
export type TrustFault = CredentialFault | 'noCredential' | 'notItsOwn' | 'missingRole'

/** Kept small: there may be as many as peers have ever come. */
interface Known {
  /** A digest of what it has shown. */
  readonly shown: string
  readonly holder: Grant
  readonly issuer: Grant | undefined
  /** Neither certificate is good for longer. */
  readonly untilMs: number
  readonly coordinator: boolean
}

export interface AcquaintanceOptions {
  trust: Trust
  /** The key behind a peer's id: the id itself, but in worlds whose ids are made up. */
  keyOf(peer: PeerId): PeerId
}

/** Who is connected: never forgotten to make room for others. */
export type Present = Pick<ReadonlyMap<PeerId, unknown>, 'has' | 'size'>

export class Acquaintances {
  readonly #clock: Pick<Clock, 'wall'>
  readonly #options: AcquaintanceOptions
  readonly #known = new Map<PeerId, Known>()
  readonly #here: Present
  #lastIssuer: Grant | undefined

  constructor(clock: Pick<Clock, 'wall'>, options: AcquaintanceOptions, here: Present) {
    this.#clock = clock
    this.#options = options
    this.#here = here
  }

  /** Of those who are away, whoever left first is forgotten first. */
  leaves(peer: PeerId): void {
    const known = this.#known.get(peer)
    if (known !== undefined) this.#remember(peer, known)
  }

  /** Undefined when it was believed. */
  meet(peer: PeerId, introduction: Uint8Array): TrustFault | undefined {
    const shown = createHash('sha256').update(introduction).digest('base64')
    if (this.#known.get(peer)?.shown === shown) return this.fault(peer)
    const read = decode(Introduction, introduction)
    if (!read.ok) return 'malformed'
    const { credential } = read.value
    const believed = believe(credential, this.#options.trust, this.#clock.wall())
    if (!believed.ok) return believed.why
    const { holder } = believed
    if (holder.kind !== 'peer') return 'missingRole'
    if (holder.subject !== this.#options.keyOf(peer)) return 'notItsOwn'
    const issuer = this.#sameIssuer(believed.issuer)
    this.#remember(peer, {
      shown,
      // A list that was decoded has room for more.
      holder: { ...holder, roles: [...holder.roles] },
      issuer,
      untilMs: Math.min(holder.notAfterMs, issuer?.notAfterMs ?? holder.notAfterMs),
      coordinator: hasRole(holder.roles, ['coordinator']),
    })
    return undefined
  }

  /** Why this peer is not to be dealt with as one of that role; undefined when it is. */
  fault(peer: PeerId, role: PeerRole = 'agent'): TrustFault | undefined {
    const known = this.#known.get(peer)
    const { trust, keyOf } = this.#options
    if (trust.isRevoked(keyOf(peer))) return 'revoked'
    if (known === undefined) return 'noCredential'
    if (this.#clock.wall() >= known.untilMs) return 'expired'
    if (trust.isRevoked(known.holder.serial)) return 'revoked'
    const { issuer } = known
    if (issuer !== undefined && trust.isRevoked(issuer.serial)) return 'revoked'
    if (role === 'coordinator' && !known.coordinator) return 'missingRole'
    return hasRole(known.holder.roles, [role]) ? undefined : 'missingRole'
  }

  /**
   * Whether a peer with that fault may be about to show what is good: it has shown nothing yet, or what
   * has ended since, or what hangs on a certificate that was taken back. A key that was taken back
   * stays so, whatever certificate it shows.
   */
  mayShowBetter(peer: PeerId, fault: TrustFault): boolean {
    if (fault === 'noCredential' || fault === 'expired') return true
    const { trust, keyOf } = this.#options
    return fault === 'revoked' && !trust.isRevoked(keyOf(peer))
  }

  /** Looked at for every frame that only coordinators send. */
  isCoordinator(peer: PeerId): boolean {
    return this.#known.get(peer)?.coordinator === true && this.fault(peer) === undefined
  }

  holderOf(peer: PeerId): Grant | undefined {
    return this.fault(peer) === undefined ? this.#known.get(peer)?.holder : undefined
  }

  /** The issuing key that stands behind what it shows, while that is good. */
  issuerOf(peer: PeerId): Grant | undefined {
    return this.fault(peer) === undefined ? this.#known.get(peer)?.issuer : undefined
  }

  forget(peer: PeerId): void {
    this.#known.delete(peer)
  }

  /** When the next of these certificates ends, by the wall clock. */
  nextEndMs(peers: Iterable<PeerId>): number {
    let next = Number.POSITIVE_INFINITY
    for (const peer of peers) next = Math.min(next, this.#known.get(peer)?.untilMs ?? next)
    return next
  }

  /** One object for all peers that one certificate stands behind. */
  #sameIssuer(issuer: Grant | undefined): Grant | undefined {
    if (!isDeepStrictEqual(issuer, this.#lastIssuer)) this.#lastIssuer = issuer
    return this.#lastIssuer
  }

  #remember(peer: PeerId, known: Known): void {
    this.#known.delete(peer)
    this.#known.set(peer, known)
    if (this.#known.size - this.#here.size <= trustLimits.awayMax) return
    for (const longest of this.#known.keys()) {
      if (this.#here.has(longest)) continue
      this.#known.delete(longest)
      return
    }
  }
}

/** The serial of the issuing key's certificate in an introduction, whether or not it is believed. */
export function issuerIn(introduction: Uint8Array): string | undefined {
  if (introduction.length > trustLimits.frameBytesMax) return undefined
  const read = decode(Introduction, introduction)
  const issuer = read.ok ? read.value.credential.issuer : undefined
  return issuer && grantIn(issuer)?.serial
}
