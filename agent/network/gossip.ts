/**
 * Gossip to all who subscribe, by gossipsub, inside a fence.
 *
 * libp2p would tell gossipsub of peers by way of the identify protocol. Every member of a mesh
 * speaks gossip, so we tell it ourselves, in the moment that a connection opens or closes: one
 * protocol less to be attacked by, one round trip less, and no race between the two events.
 *
 * Peer scoring is off: its defaults punish hosts that share an address (a laptop mesh, a rack
 * behind one gateway) and hosts that were paused. What it would protect from is bounded here.
 */
import {
  type GossipSubComponents,
  type GossipsubMessage,
  gossipsub,
  type Message,
} from '@libp2p/gossipsub'
import type { Connection, PeerId as RawPeerId, Topology } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { TopicMessage } from '../../protocol/ports/network.ts'
import { type FencedGossip, fence, type GossipFence } from './gossip-fence.ts'
import { reachedMax, readReach, withReach } from './gossip-reach.ts'
import type { GossipLimits } from './limits.ts'

const meshsub = '/meshsub/1.2.0'
const never = Number.MAX_SAFE_INTEGER

export interface GossipOptions {
  topics: readonly string[]
  limits: GossipLimits
  refusals: GossipFence['refusals']
  /** A peer has broken a limit; it should be shut out for a while. */
  misbehaved: (peer: PeerId, why: string) => void
  heeds: GossipFence['heeds']
  /** Connected peers and the connection to use, to mend what has come apart. */
  preferred: (peer: PeerId) => Connection | undefined
}

export class Gossip {
  readonly #options: GossipOptions
  readonly #inner: FencedGossip
  readonly #handlers = new Map<string, (message: TopicMessage) => void>()
  readonly #peers = new Map<PeerId, RawPeerId>()
  #topology: Topology | undefined

  constructor(components: GossipSubComponents, options: GossipOptions) {
    this.#options = options
    const { topics, limits } = options
    assert(topics.length <= limits.subscriptionsMax, 'all our subscriptions fit into one RPC')
    const { registrar } = components
    const create = gossipsub(gossipSettings(topics, limits))
    const inner = create({
      peerId: components.peerId,
      privateKey: components.privateKey,
      peerStore: components.peerStore,
      connectionManager: components.connectionManager,
      logger: components.logger,
      registrar: {
        handle: (protocol, handler, handling) => registrar.handle(protocol, handler, handling),
        unhandle: (protocols) => registrar.unhandle(protocols),
        register: async (_, topology) => {
          this.#topology = topology
          return meshsub
        },
        unregister: () => {},
        getProtocols: () => registrar.getProtocols(),
        getHandler: (protocol) => registrar.getHandler(protocol),
        getTopologies: (protocol) => registrar.getTopologies(protocol),
        use: (protocol, middleware) => registrar.use(protocol, middleware),
        unuse: (protocol) => registrar.unuse(protocol),
        getMiddleware: (protocol) => registrar.getMiddleware(protocol),
      },
    })
    this.#inner = fence(inner, {
      topics: new Set(topics),
      limits,
      refusals: options.refusals,
      misbehaved: options.misbehaved,
      heeds: options.heeds,
      heardOnly: (message) => this.#hear(message),
    })
    this.#inner.protocols = [meshsub]
    this.#inner.addEventListener('gossipsub:message', this.#onMessage)
    this.#inner.addEventListener('gossipsub:heartbeat', this.#mend)
  }

  /** Called by libp2p, as is `stop`. */
  async start(): Promise<void> {
    await this.#inner.start()
  }

  async stop(): Promise<void> {
    // Its own stop leaves the next heartbeat waiting, and a program that is done with it as well.
    const { status } = this.#inner as unknown as { status: { heartbeatTimeout?: NodeJS.Timeout } }
    clearTimeout(status.heartbeatTimeout)
    await this.#inner.stop()
  }

  peerUp(peer: PeerId, connection: Connection): void {
    this.#peers.set(peer, connection.remotePeer)
    this.#introduce(connection)
  }

  peerDown(peer: PeerId): void {
    const raw = this.#peers.get(peer)
    this.#peers.delete(peer)
    if (raw !== undefined) this.#forget(raw)
  }

  /** Opens the outbound stream again if it went with a connection that was one of two. */
  peerMoved(peer: PeerId): void {
    const connection = this.#options.preferred(peer)
    if (connection === undefined || this.#canTell(peer)) return
    this.#inner.streamsOutbound.delete(peer)
    this.#introduce(connection)
  }

  /** Gossipsub keeps a stream for good if it closed in the moment that it was opened. */
  #canTell(peer: string): boolean {
    return this.#inner.streamsOutbound.get(peer)?.rawStream.writeStatus === 'writable'
  }

  subscribe(topic: string, handler: (message: TopicMessage) => void): void {
    this.#assertAllowed(topic)
    const first = !this.#handlers.has(topic)
    this.#handlers.set(topic, handler)
    if (first) this.#inner.subscribe(topic)
  }

  publish(topic: string, data: Uint8Array): void {
    this.#assertAllowed(topic)
    const { messageBytesMax } = this.#options.limits
    assert(data.length <= messageBytesMax, 'a gossip message keeps to its limit', {
      bytes: data.length,
      messageBytesMax,
    })
    // Nobody is promised anything: what fails here is mended by whoever compares notes later.
    const { message, floodPublish } = this.#addressed(topic, data)
    // One encoding for all: control messages that would ride along go with the next heartbeat.
    this.#inner.publish(topic, message, { floodPublish, batchPublish: true }).catch(() => {})
  }

  /** To everybody at once and by name while they are few, into gossipsub's mesh when not. */
  #addressed(topic: string, data: Uint8Array): { message: Uint8Array; floodPublish: boolean } {
    const hearers = this.#inner
      .getSubscribers(topic)
      .map((peer) => peer.toString())
      .filter((peer) => this.#canTell(peer))
    const few = hearers.length <= reachedMax
    return { message: withReach(few ? hearers : [], data), floodPublish: few }
  }

  #assertAllowed(topic: string): void {
    assert(this.#options.topics.includes(topic), 'a topic is one of those the network was given', {
      topic,
    })
  }

  #onMessage = (event: CustomEvent<GossipsubMessage>): void => {
    this.#hear(event.detail.msg)
  }

  #hear(msg: Message): void {
    if (msg.type !== 'signed') return
    const from = msg.from.toString() as PeerId
    const reach = readReach(msg.data)
    if (reach === undefined) this.#options.refusals.count('gossipGarbage')
    else this.#handlers.get(msg.topic)?.({ topic: msg.topic, from, data: reach.payload })
  }

  /** Gossipsub does not reopen a stream that closed while its connection lives. */
  #mend = (): void => {
    for (const peer of this.#peers.keys()) this.peerMoved(peer)
    for (const [peer, raw] of this.#inner.peers) {
      if (!this.#peers.has(peer as PeerId)) this.#forget(raw)
    }
  }

  #introduce(connection: Connection): void {
    void this.#topology?.onConnect?.(connection.remotePeer, connection)
  }

  #forget(raw: RawPeerId): void {
    void this.#topology?.onDisconnect?.(raw)
  }
}

function gossipSettings(
  topics: readonly string[],
  limits: GossipLimits,
): NonNullable<Parameters<typeof gossipsub>[0]> {
  return {
    globalSignaturePolicy: 'StrictSign',
    allowedTopics: new Set(topics),
    fallbackToFloodsub: false,
    // With up to 16 members everybody hears from the author; beyond, the mesh passes it on.
    floodPublish: false,
    D: 8,
    Dlo: 6,
    Dhi: 16,
    Dscore: 6,
    Dout: 3,
    emitSelf: false,
    doPX: false,
    tagMeshPeers: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    heartbeatInterval: limits.heartbeatMs,
    seenTTL: limits.seenMs,
    opportunisticGraftTicks: never,
    directConnectTicks: never,
    // Our messages are a few hundred bytes: announcing each would cost more than a duplicate.
    idontwantMinDataSize: 16 * 1024,
    // A duplicate is known by author and number before its signature is checked again.
    fastMsgIdFn: ({ from, seqno, topic }) => `${latin1(from)}.${latin1(seqno)}.${topic}`,
    maxInboundStreams: 2,
    maxOutboundStreams: 2,
    maxInboundDataLength: limits.rpcBytesMax,
    maxOutboundBufferSize: limits.outboundBytesMax,
    maxTopicBytesPerPeer: limits.topicBytesPerPeerMax,
    decodeRpcLimits: {
      maxSubscriptions: limits.subscriptionsMax,
      maxMessages: limits.messagesPerRpcMax,
      maxIhaveMessageIDs: limits.messageIdsMax,
      maxIwantMessageIDs: limits.messageIdsMax,
      maxIdontwantMessageIDs: limits.messageIdsMax,
      maxControlMessages: limits.controlsMax,
      maxPeerInfos: 0,
    },
    scoreParams: {
      topics: {},
      IPColocationFactorWeight: 0,
      behaviourPenaltyWeight: 0,
      appSpecificWeight: 0,
      decayInterval: 60_000,
      retainScore: 0,
    },
  }
}

function latin1(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return ''
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
