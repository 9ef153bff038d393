/**
 * Who may come in. An address is judged before a single byte is read, a peer as soon as it has
 * proven its identity. The swarm key is the pre-shared key's business: without it nobody gets as
 * far as an identity.
 */
import type { ConnectionGater } from '@libp2p/interface'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Rates } from '../rates.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { NetworkLimits } from './limits.ts'
import type { RefusalReason, Refusals } from './refusals.ts'

/** A raw connection, or what is made of it: its timeline is all that they have in common. */
export interface Arrival {
  readonly timeline: object
}

export class Gater {
  readonly #limits: NetworkLimits
  readonly #refusals: Refusals
  readonly #connectionCount: () => number
  readonly #bannedUntilMs = new Map<PeerId, number>()
  readonly #rateOfAddress: Rates<string>
  readonly #rateOfAll: TokenBucket
  readonly #pendingOfAddress = new Map<string, number>()
  /** Of whoever came in, by what a raw connection and what is made of it have in common. */
  readonly #addressOf = new WeakMap<object, string>()
  #upgradesPending = 0

  constructor(limits: NetworkLimits, refusals: Refusals, connectionCount: () => number) {
    this.#limits = limits
    this.#refusals = refusals
    this.#connectionCount = connectionCount
    const { inboundPerSecondMax, addressesRatedMax } = limits
    this.#rateOfAddress = new Rates(addressesRatedMax)
    this.#rateOfAll = new TokenBucket(inboundPerSecondMax, inboundPerSecondMax, performance.now())
  }

  /** Whether a connection from there comes to nothing at once. Counted where it does. */
  refuses(address: string): boolean {
    const refusal = this.#judge(address)
    if (refusal !== undefined) this.#refusals.count(refusal)
    return refusal !== undefined
  }

  /** Its handshake begins. `leave` when that has ended. */
  enter(address: string, { timeline }: Arrival): void {
    this.#addressOf.set(timeline, address)
    this.#upgradesPending += 1
    this.#pendingOfAddress.set(address, this.#pendingOf(address) + 1)
  }

  leave(address: string): void {
    this.#upgradesPending -= 1
    const left = this.#pendingOf(address) - 1
    if (left > 0) this.#pendingOfAddress.set(address, left)
    else this.#pendingOfAddress.delete(address)
  }

  /**
   * That was not worth its handshake, of which others of the same address would be no better: it is
   * as if so many more had come. Those that we have dialled came from nowhere.
   */
  cameInVain({ timeline }: Arrival): void {
    const address = this.#addressOf.get(timeline)
    if (address === undefined) return
    const { vainArrivalCosts, vainArrivalsWaitMsMax } = this.#limits
    const nowMs = performance.now()
    const rate = this.#rateOf(address, nowMs)
    if (rate.waitMs(nowMs) < vainArrivalsWaitMsMax) rate.charge(vainArrivalCosts, nowMs)
  }

  #rateOf(address: string, nowMs: number): TokenBucket {
    const { inboundPerAddressPerSecondMax: perSecond, inboundPerAddressAtOnceMax: atOnce } =
      this.#limits
    return this.#rateOfAddress.of(address, { perSecond, atOnce }, nowMs)
  }

  #pendingOf(address: string): number {
    return this.#pendingOfAddress.get(address) ?? 0
  }

  #judge(address: string): RefusalReason | undefined {
    const { upgradesPendingMax, upgradesPendingPerAddressMax, connectionsMax } = this.#limits
    if (this.#upgradesPending >= upgradesPendingMax) return 'tooManyHandshakes'
    if (this.#pendingOf(address) >= upgradesPendingPerAddressMax) return 'tooManyHandshakes'
    if (this.#connectionCount() + this.#upgradesPending >= connectionsMax) {
      return 'tooManyConnections'
    }
    const nowMs = performance.now()
    if (!this.#rateOf(address, nowMs).take(1, nowMs)) return 'connectionRate'
    if (!this.#rateOfAll.take(1, nowMs)) return 'connectionRate'
    return undefined
  }

  ban(peer: PeerId, forMs: number): void {
    const nowMs = performance.now()
    const untilMs = Math.max(nowMs + forMs, this.#bannedUntilMs.get(peer) ?? 0)
    this.#bannedUntilMs.delete(peer)
    if (this.#bannedUntilMs.size >= this.#limits.bansMax) this.#endOneBan()
    this.#bannedUntilMs.set(peer, untilMs)
  }

  #endOneBan(): void {
    let soonest: PeerId | undefined
    let soonestMs = Number.POSITIVE_INFINITY
    for (const [peer, untilMs] of this.#bannedUntilMs) {
      if (untilMs < soonestMs) {
        soonest = peer
        soonestMs = untilMs
      }
    }
    if (soonest !== undefined) this.#bannedUntilMs.delete(soonest)
  }

  banned(peer: PeerId): boolean {
    const untilMs = this.#bannedUntilMs.get(peer)
    if (untilMs === undefined) return false
    if (untilMs > performance.now()) return true
    this.#bannedUntilMs.delete(peer)
    return false
  }

  /** The part that libp2p asks. */
  callbacks(): ConnectionGater {
    const deny = (peer: { toString(): string }, arrival: Arrival): boolean => {
      if (!this.banned(peer.toString() as PeerId)) return false
      this.#refusals.count('bannedPeer')
      this.cameInVain(arrival)
      return true
    }
    return {
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: deny,
      denyOutboundEncryptedConnection: deny,
    }
  }
}
