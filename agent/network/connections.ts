/**
 * Which connections there are, and which of two to the same peer is used. Both ends decide by
 * the same rule from what both can see, so they come to the same answer without a word.
 */
import type { Connection } from '@libp2p/interface'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { PeerConnectionEvent } from '../../protocol/ports/network.ts'
import type { NetworkLimits } from './limits.ts'

/** A retiring connection is looked at no more rarely than this. */
const retiringCheckMsMax = 60_000

interface Held {
  readonly connection: Connection
  readonly sinceMs: number
  /** Lost to another one: takes no new streams and goes when its last stream has gone. */
  retiring: boolean
}

export interface ConnectionsOptions {
  self: PeerId
  limits: Pick<NetworkLimits, 'simultaneousDialMs' | 'duplicateCheckMs' | 'renewedGraceMs'>
  onEvent: (event: PeerConnectionEvent, connection: Connection) => void
  /** One of several connections has gone, and what ran over it should find another. */
  onFewer: (peer: PeerId) => void
  /** Streams that keep a retiring connection from being closed. */
  streamCount: (connection: Connection) => number
  /** Whether the first rests on an older swarm key than the other. */
  isOnOlderKey: (one: Connection, other: Connection) => boolean
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #byPeer = new Map<PeerId, Held[]>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #size = 0

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#size
  }

  peers(): PeerId[] {
    return [...this.#byPeer.keys()]
  }

  has(peer: PeerId): boolean {
    return this.#byPeer.has(peer)
  }

  all(peer: PeerId): Connection[] {
    return (this.#byPeer.get(peer) ?? []).map((held) => held.connection)
  }

  /** The connection that new streams should use. */
  preferred(peer: PeerId): Connection | undefined {
    const open = (this.#byPeer.get(peer) ?? []).filter(
      ({ connection }) => connection.status === 'open',
    )
    return (open.find((held) => !held.retiring) ?? open[0])?.connection
  }

  opened(connection: Connection): void {
    if (connection.status !== 'open') return
    const peer = peerOf(connection)
    const older = [...(this.#byPeer.get(peer) ?? [])]
    const newer: Held = { connection, sinceMs: performance.now(), retiring: false }
    this.#byPeer.set(peer, [...older, newer])
    this.#size += 1
    if (older.length === 0) {
      this.#options.onEvent({ peer, kind: 'connected' }, connection)
      return
    }
    for (const held of older) this.#settle(peer, held, newer)
  }

  closed(connection: Connection): void {
    const peer = peerOf(connection)
    const held = this.#byPeer.get(peer)
    const rest = held?.filter((one) => one.connection !== connection)
    if (held === undefined || rest === undefined || rest.length === held.length) return
    this.#size -= 1
    if (rest.length > 0) {
      this.#byPeer.set(peer, rest)
      if (rest.every((one) => one.retiring)) for (const one of rest) one.retiring = false
      this.#options.onFewer(peer)
      return
    }
    this.#byPeer.delete(peer)
    this.#options.onEvent({ peer, kind: 'disconnected' }, connection)
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  /**
   * Two hosts that dial each other at once get two connections: the one that the lesser id
   * dialled stays. Later, nobody dials a peer it believes to be connected to, so a second
   * connection says that the other end has lost the first: the new one stays. One that is made on
   * a newer swarm key is made to take the place of the first, which is given time to end its work.
   */
  #settle(peer: PeerId, older: Held, newer: Held): void {
    const { isOnOlderKey } = this.#options
    if (isOnOlderKey(older.connection, newer.connection)) return this.#replace(older)
    if (newer.sinceMs - older.sinceMs > this.#options.limits.simultaneousDialMs || older.retiring) {
      older.connection.abort(new Error('replaced by a newer connection'))
      return
    }
    const sameDialler = older.connection.direction === newer.connection.direction
    const olderDialledHere = older.connection.direction === 'outbound'
    const olderByLesserId = olderDialledHere === this.#options.self < peer
    const olderStays =
      sameDialler || olderByLesserId || isOnOlderKey(newer.connection, older.connection)
    const loser = olderStays ? newer : older
    loser.retiring = true
    this.#closeWhenUnused(loser, this.#options.limits.duplicateCheckMs)
  }

  #replace(older: Held): void {
    older.retiring = true
    const { duplicateCheckMs, renewedGraceMs } = this.#options.limits
    this.#closeWhenUnused(older, duplicateCheckMs)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      older.connection.abort(new Error('replaced by one on a newer swarm key'))
    }, renewedGraceMs)
    timer.unref()
    this.#timers.add(timer)
  }

  /** Looks ever more rarely: streams that were opened on both at the start are kept for days. */
  #closeWhenUnused(loser: Held, waitMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!loser.retiring || loser.connection.status !== 'open') return
      if (this.#options.streamCount(loser.connection) > 0) {
        this.#closeWhenUnused(loser, Math.min(2 * waitMs, retiringCheckMsMax))
        return
      }
      loser.connection.close().catch((error: unknown) => {
        loser.connection.abort(error instanceof Error ? error : new Error('closing failed'))
      })
    }, waitMs)
    timer.unref()
    this.#timers.add(timer)
  }
}

export function peerOf(connection: Connection): PeerId {
  return connection.remotePeer.toString() as PeerId
}
