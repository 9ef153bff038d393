/**
 * How often a peer may open streams to us. Each costs more than the frame that opens it, also where
 * it comes to nothing: whoever goes on is cut off. By peer, not by connection: whoever was cut off
 * and comes again has been forgiven no more than time forgives.
 *
 * It is cut off and not banned: a peer of a newer version asks now and then for what we do not have.
 */
import type { Connection } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Purpose } from '../../protocol/ports/network.ts'
import { Rates } from '../rates.ts'
import { peerOf } from './connections.ts'
import type { NetworkLimits, PurposeLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'

export class StreamOpenings {
  readonly #limits: NetworkLimits
  readonly #refusals: Refusals
  readonly #opened: Rates<string>
  readonly #vain: Rates<PeerId>
  readonly #byMuxer = new WeakMap<object, Connection>()

  constructor(limits: NetworkLimits, refusals: Refusals) {
    this.#limits = limits
    this.#refusals = refusals
    this.#opened = new Rates(limits.peersRatedMax)
    this.#vain = new Rates(limits.peersRatedMax)
  }

  /** A muxer knows nothing of the connection that it is part of. */
  met(connection: Connection): void {
    const { muxer } = connection as unknown as { muxer?: object }
    assert(muxer !== undefined, 'a connection keeps its muxer')
    this.#byMuxer.set(muxer, connection)
  }

  /** Whether a stream that was opened and named is taken. */
  takes(connection: Connection, purpose: Purpose, limits: PurposeLimits): boolean {
    const { opensPerSecondMax: perSecond, opensAtOnceMax: atOnce } = limits
    const nowMs = performance.now()
    const rate = this.#opened.of(`${peerOf(connection)} ${purpose}`, { perSecond, atOnce }, nowMs)
    if (rate.take(1, nowMs)) return true
    this.#refusals.count('streamRate')
    this.#charge(connection)
    return false
  }

  /** A stream was refused on the connection of that muxer. */
  refused(muxer: { status: string }, reason: 'tooManyStreams' | 'unknownPurpose'): void {
    this.#refusals.count(reason)
    const connection = this.#byMuxer.get(muxer)
    // What waits when a connection breaks is nobody's fault.
    if (connection !== undefined && muxer.status === 'open') this.#charge(connection)
  }

  #charge(connection: Connection): void {
    const nowMs = performance.now()
    if (this.#vain.of(peerOf(connection), this.#limits.vainStreams, nowMs).take(1, nowMs)) return
    this.#refusals.count('streamFlood')
    connection.abort(new Error('too many streams that come to nothing'))
  }
}
