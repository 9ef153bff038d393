/**
 * The `Network` port on libp2p: opens and accepts streams, follows connections, and translates.
 * Whom to connect to, how often to try and when to give up is decided by those who use it;
 * nothing here dials or reconnects by itself.
 */

import type { Connection, Libp2p, Stream as RawStream } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import {
  type Network,
  type PeerConnectionEvent,
  type Purpose,
  type RefusalCounts,
  type Stream,
  type TopicMessage,
  Unreachable,
} from '../../protocol/ports/network.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { AddressBook, parseAddress, worthTelling } from './addresses.ts'
import { type Connections, peerOf } from './connections.ts'
import { unreachable } from './errors.ts'
import type { Gater } from './gater.ts'
import type { Gossip } from './gossip.ts'
import type { NetworkLimits, PurposeLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'
import { FramedStream } from './stream.ts'
import { OpenedTooOften, type StreamOpenings } from './stream-openings.ts'
import type { SwarmKeys, TakenSwarmKeys } from './swarm-keys.ts'
import type { Traffic } from './traffic.ts'

export interface Libp2pNetworkParts {
  self: PeerId
  node: Libp2p
  gossip: Gossip
  gater: Gater
  openings: StreamOpenings
  traffic: Traffic
  refusals: Refusals
  limits: NetworkLimits
  purposes: Readonly<Record<Purpose, Partial<PurposeLimits>>>
  connections: Connections
  swarmKeys: SwarmKeys
  log: Log
}

export class Libp2pNetwork implements Network {
  readonly #parts: Libp2pNetworkParts
  readonly #addresses: AddressBook
  readonly #streams = new Set<FramedStream>()
  readonly #stopped = new AbortController()

  onConnection: (event: PeerConnectionEvent) => void = () => {}

  constructor(parts: Libp2pNetworkParts) {
    this.#parts = parts
    this.#addresses = new AddressBook(parts.limits)
  }

  get self(): PeerId {
    return this.#parts.self
  }

  addresses(): string[] {
    return worthTelling(this.#parts.node.getMultiaddrs())
  }

  learn(peer: PeerId, addresses: readonly string[]): void {
    this.#addresses.learn(peer, addresses)
  }

  async dial(address: string, signal: AbortSignal): Promise<PeerId> {
    const { target, peer } = parseAddress(address)
    if (peer !== undefined) {
      this.#assertReachable(peer)
      if (this.#parts.connections.preferred(peer) !== undefined) return peer
    } else {
      // A second connection would replace the first, and every stream of it would break.
      const there = this.#addresses.whoIsAt(target.toString(), this.connected())
      if (there !== undefined) return there
    }
    const wanted = peer === undefined ? target : target.encapsulate(`/p2p/${peer}`)
    const connection = await this.#connect([wanted], address, signal)
    const found = peerOf(connection)
    this.#addresses.answered(target.toString(), found)
    return found
  }

  async open(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    this.#assertReachable(peer)
    const existing = this.#parts.connections.preferred(peer)
    if (existing !== undefined) {
      try {
        return await this.#openOn(existing, purpose, signal)
      } catch (error) {
        // The connection may have been dead already, which only using it could show.
        if (existing.status === 'open' || signal.aborted) throw unreachable(error, peer, signal)
      }
    }
    const targets = this.#addresses.of(peer)
    if (targets.length === 0) {
      throw new Unreachable('unknownAddress', `no usable address of ${peer} is known`)
    }
    const connection = await this.#connect(targets, peer, signal)
    try {
      return await this.#openOn(connection, purpose, signal)
    } catch (error) {
      throw unreachable(error, peer, signal)
    }
  }

  #assertReachable(peer: PeerId): void {
    if (peer === this.self) throw new Unreachable('wrongPeer', `${peer} is this host itself`)
    if (this.#parts.gater.banned(peer)) {
      throw new Unreachable('banned', `${peer} is banned by this host for now`)
    }
  }

  async #connect(
    targets: Parameters<Libp2p['dial']>[0],
    wanted: string,
    signal: AbortSignal,
  ): Promise<Connection> {
    const { connections, limits, node } = this.#parts
    if (connections.size >= limits.connectionsMax) {
      throw new Unreachable(
        'limitReached',
        `this host has ${connections.size} connections, its limit; ${wanted} would be one more`,
      )
    }
    const life = AbortSignal.any([signal, this.#stopped.signal])
    try {
      life.throwIfAborted()
      return await node.dial(targets, { signal: life })
    } catch (error) {
      throw unreachable(error, wanted, life)
    }
  }

  async #openOn(connection: Connection, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    const { negotiationTimeoutMs } = this.#parts.limits
    const raw = await connection.newStream(purpose, {
      signal: AbortSignal.any([
        signal,
        this.#stopped.signal,
        AbortSignal.timeout(negotiationTimeoutMs),
      ]),
      maxOutboundStreams: this.#limitsOf(purpose).streamsOutboundMax,
    })
    // A peer that has too many agrees on the purpose first and resets the stream then, often in
    // one breath; this stream would never say another word.
    if (raw.status !== 'open') {
      throw new Unreachable(
        connection.status === 'open' ? 'limitReached' : 'refused',
        `${peerOf(connection)} took back the stream for ${purpose}: it has too many of them`,
      )
    }
    return this.#framed(raw, purpose, connection)
  }

  accept(purpose: Purpose, handler: (stream: Stream) => void): void {
    const limits = this.#limitsOf(purpose)
    const { streamsInboundMax, streamsOutboundMax } = limits
    const receive = (raw: RawStream, connection: Connection): void => {
      if (raw.status !== 'open') return
      if (!this.#parts.openings.takes(connection, purpose, limits)) {
        return raw.abort(new OpenedTooOften('its peer opens too many of its purpose'))
      }
      const stream = this.#framed(raw, purpose, connection)
      // A handler that throws is a bug of ours; libp2p would swallow it.
      queueMicrotask(() => handler(stream))
    }
    const options = { maxInboundStreams: streamsInboundMax, maxOutboundStreams: streamsOutboundMax }
    this.#parts.node.handle(purpose, receive, options).catch((error: unknown) => {
      this.#parts.log.error('purpose not accepted', { purpose, error: messageOf(error) })
    })
  }

  refuse(purpose: Purpose): void {
    this.#parts.node.unhandle(purpose).catch((error: unknown) => {
      this.#parts.log.error('purpose not refused', { purpose, error: messageOf(error) })
    })
  }

  #framed(raw: RawStream, purpose: Purpose, connection: Connection): FramedStream {
    const { limits, refusals, log } = this.#parts
    const peer = peerOf(connection)
    const stream = new FramedStream(raw, {
      peer,
      purpose,
      frameBytesMax: this.#limitsOf(purpose).frameBytesMax,
      highWaterBytes: limits.streamHighWaterBytes,
      bufferBytesMax: limits.streamBufferBytesMax,
      connectionOpen: () => connection.status === 'open',
      refused: (reason) => {
        refusals.count(reason)
        log.warn('stream refused', { peer, purpose, reason })
      },
      ended: (ended) => this.#streams.delete(ended),
    })
    this.#streams.add(stream)
    return stream
  }

  #limitsOf(purpose: Purpose): PurposeLimits {
    return { ...this.#parts.limits.purposeDefault, ...this.#parts.purposes[purpose] }
  }

  connected(): PeerId[] {
    return this.#parts.connections.peers()
  }

  disconnect(peer: PeerId): void {
    for (const connection of this.#parts.connections.all(peer)) {
      connection.abort(new Error('disconnected'))
    }
  }

  showOut(peer: PeerId): void {
    for (const connection of this.#parts.connections.all(peer)) {
      this.#parts.gater.cameInVain(connection)
    }
    this.disconnect(peer)
  }

  takeSwarmKeys(taken: TakenSwarmKeys): void {
    const { connections, swarmKeys } = this.#parts
    swarmKeys.use(taken)
    for (const all of connections.peers().map((peer) => connections.all(peer))) {
      // One that has been replaced may end its work.
      if (all.some((one) => swarmKeys.isTaken(one))) continue
      for (const one of all) one.abort(new Error('its swarm key is taken no more'))
    }
  }

  dialledOnOlderKey(): PeerId[] {
    const { connections, swarmKeys } = this.#parts
    return connections.peers().filter((peer) => {
      const all = connections.all(peer)
      if (all.some((one) => swarmKeys.isOnNewest(one))) return false
      return all.some(({ direction }) => direction === 'outbound')
    })
  }

  async renew(peer: PeerId, signal: AbortSignal): Promise<void> {
    const targets = this.#addresses.of(peer)
    if (targets.length === 0) {
      throw new Unreachable('unknownAddress', `no usable address of ${peer} is known`)
    }
    const { swarmKeys, node } = this.#parts
    const life = AbortSignal.any([signal, this.#stopped.signal])
    try {
      // libp2p would give back the connection that there is.
      const connection = await node.dial(targets, { signal: life, force: true })
      if (swarmKeys.isOnNewest(connection)) return
    } catch (error) {
      throw unreachable(error, peer, life)
    }
    throw new Unreachable('handshakeFailed', `${peer} does not take the new swarm key`)
  }

  ban(peer: PeerId, forMs: number, why: string): void {
    assert(peer !== this.self, 'a host does not ban itself', { why })
    this.#parts.log.warn('peer banned', { peer, forMs, why })
    this.#parts.gater.ban(peer, forMs)
    this.showOut(peer)
  }

  publish(topic: string, data: Uint8Array): void {
    this.#parts.gossip.publish(topic, data)
  }

  subscribe(topic: string, handler: (message: TopicMessage) => void): void {
    this.#parts.gossip.subscribe(topic, handler)
  }

  refusals(): RefusalCounts {
    return this.#parts.refusals.counts()
  }

  traffic(): { sentBytes: number; receivedBytes: number } {
    return this.#parts.traffic.total()
  }

  /** Lets what was sent go out, then closes everything. Never rejects. */
  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    this.#stopped.abort(new Unreachable('aborted', 'this host is stopping'))
    for (const stream of [...this.#streams]) stream.shutDown()
    this.#parts.connections.stop()
    try {
      await this.#parts.node.stop()
    } catch (error) {
      this.#parts.log.warn('network stopped with an error', { error: messageOf(error) })
    }
  }
}
