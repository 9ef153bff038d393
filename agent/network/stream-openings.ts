/**
 * How often a peer may open streams to us. Each costs more than the frame that opens it, also where
 * it comes to nothing: whoever goes on is cut off. By peer, not by connection: whoever was cut off
 * and comes again has been forgiven no more than time forgives.
 *
 * A stream is paid for when it is opened, and paid back when it ends, unless it came to nothing.
 * Its peer is cut off and not banned: one of a newer version asks now and then for what we do not
 * have.
 */
import type { Connection } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { Rates } from '../rates.ts'
import type { TokenBucket } from '../token-bucket.ts'
import { peerOf } from './connections.ts'
import type { NetworkLimits, PurposeLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'

export class StreamOpenings {
  readonly #limits: NetworkLimits
  readonly #refusals: Refusals
  readonly #cameInVain: (connection: Connection) => void
  readonly #rates: Rates<string>
  readonly #credit: Rates<PeerId>
  readonly #byMuxer = new WeakMap<object, Connection>()
  /** Streams that were opened before their connection was whole. libp2p takes no more than ten. */
  readonly #early = new WeakMap<object, number>()

  constructor(
    limits: NetworkLimits,
    refusals: Refusals,
    cameInVain: (connection: Connection) => void,
  ) {
    this.#limits = limits
    this.#refusals = refusals
    this.#cameInVain = cameInVain
    this.#rates = new Rates(limits.peersRatedMax)
    this.#credit = new Rates(limits.peersRatedMax)
  }

  /** A muxer knows nothing of the connection that it is part of. */
  met(connection: Connection): void {
    const { muxer } = connection as unknown as { muxer?: object }
    assert(muxer !== undefined, 'a connection keeps its muxer')
    this.#byMuxer.set(muxer, connection)
    this.#creditOf(connection).charge(this.#early.get(muxer) ?? 0, performance.now())
  }

  /** A stream was opened on that muxer: whether it is to be looked at. If not, all have ended. */
  begins(muxer: object): boolean {
    const connection = this.#byMuxer.get(muxer)
    if (connection === undefined) {
      this.#early.set(muxer, (this.#early.get(muxer) ?? 0) + 1)
      return true
    }
    if (this.#creditOf(connection).take(1, performance.now())) return true
    this.#refusals.count('streamFlood')
    this.#cameInVain(connection)
    connection.abort(new Error('too many streams that come to nothing'))
    return false
  }

  /** It has ended, and was of use. */
  wasOfUse(muxer: object): void {
    const connection = this.#byMuxer.get(muxer)
    if (connection !== undefined) this.#creditOf(connection).charge(-1, performance.now())
  }

  /** Whether a stream is taken for which it is known now what it is for. */
  takes(connection: Connection, purpose: Purpose, limits: PurposeLimits): boolean {
    const { opensPerSecondMax: perSecond, opensAtOnceMax: atOnce } = limits
    const nowMs = performance.now()
    const rate = this.#rates.of(`${peerOf(connection)} ${purpose}`, { perSecond, atOnce }, nowMs)
    return rate.take(1, nowMs)
  }

  #creditOf(connection: Connection): TokenBucket {
    return this.#credit.of(peerOf(connection), this.#limits.vainStreams, performance.now())
  }
}

/** Why one that was named, and taken, is ended before its time: it was of no use. */
export class OpenedInVain extends Error {
  override readonly name = 'OpenedInVain'
}

/** Why a stream that was named is ended again. */
export class OpenedTooOften extends Error {
  override readonly name = 'OpenedTooOften'
}
