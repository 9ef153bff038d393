/**
 * Every bound on what other hosts can make this one hold, and what happens at each. A peer inside
 * the swarm is trusted to be one of ours, not to be well: these limits decide what a broken or
 * stolen one can cost. Tests and small hosts override single figures, so relations between them
 * are asserted whenever a network starts, not only on import.
 */
import { assert } from '../../protocol/assert.ts'
import type { Rate } from '../rates.ts'

const kib = 1024
const mib = 1024 * kib

export interface PurposeLimits {
  /** A longer frame received ends the stream as `frameTooLarge`; sending one is a bug of ours. */
  readonly frameBytesMax: number
  /** Streams of this purpose that one connection may open to us. More are reset. */
  readonly streamsInboundMax: number
  /** Streams of this purpose that we open on one connection. More fail with `limitReached`. */
  readonly streamsOutboundMax: number
  /** How often a peer may open one to us, and how many at once. More are reset. */
  readonly opensPerSecondMax: number
  readonly opensAtOnceMax: number
}

export interface NetworkLimits {
  /** Live connections, both ways. Inbound ones are refused, `open` fails with `limitReached`. */
  readonly connectionsMax: number
  /** Connections whose handshake has not finished. More are refused at once. */
  readonly upgradesPendingMax: number
  /** The same from one address, so that whoever holds them open keeps nobody else out. */
  readonly upgradesPendingPerAddressMax: number
  /** Inbound connections a second from one address, and how many may come at once. */
  readonly inboundPerAddressPerSecondMax: number
  readonly inboundPerAddressAtOnceMax: number
  /**
   * What one costs its address besides where it was not worth its handshake: whoever came was banned,
   * or is shown out. Nobody's debt grows beyond `vainArrivalsWaitMsMax`, for others may live there.
   */
  readonly vainArrivalCosts: number
  readonly vainArrivalsWaitMsMax: number
  /** A second from all addresses together, with as much again as a burst. */
  readonly inboundPerSecondMax: number
  /** Addresses whose rate is remembered. The one unused for longest is forgotten. */
  readonly addressesRatedMax: number
  /** A handshake, either way, takes no longer. */
  readonly upgradeTimeoutMs: number
  /** One address of a peer is tried no longer, so that a dead one leaves time for the next. */
  readonly addressDialTimeoutMs: number
  /** Agreeing on the purpose of a new stream takes no longer. */
  readonly negotiationTimeoutMs: number
  /** How long a connection that lost to another one to the same peer waits for its last stream. */
  readonly duplicateCheckMs: number
  /** What runs over a connection whose swarm key is replaced has so long to end by itself. */
  readonly renewedGraceMs: number
  /** Two connections opened within this time are taken for two hosts dialling each other at once. */
  readonly simultaneousDialMs: number
  /** Peers refused by id. When full, the ban that ends first makes room. */
  readonly bansMax: number
  /** Peers whose addresses are remembered. When full, the one learnt longest ago is forgotten. */
  readonly peersLearntMax: number
  /** Addresses kept for one peer; the rest of a longer list is dropped. */
  readonly addressesPerPeerMax: number
  /** Streams of all kinds that one connection may open to us. More are reset by the muxer. */
  readonly streamsPerConnectionMax: number
  /** Streams of one peer that come to nothing, or are open. One more costs it its connection. */
  readonly vainStreams: Rate
  /** Peers of which is remembered how often they open streams. */
  readonly peersRatedMax: number
  /** How far a sender may run ahead of a reader on one stream. */
  readonly streamWindowBytesMax: number
  /** `send` returns false from here on. */
  readonly streamHighWaterBytes: number
  /** Sent but not yet taken by the connection. A stream that goes beyond is aborted. */
  readonly streamBufferBytesMax: number
  readonly purposeDefault: PurposeLimits
  readonly gossip: GossipLimits
}

export interface GossipLimits {
  /** A larger message is neither published nor delivered nor passed on. */
  readonly messageBytesMax: number
  /** One RPC, which may bundle messages. A longer one costs the peer its connection. */
  readonly rpcBytesMax: number
  /** Bytes a second that one peer may send. Beyond the burst it is banned for `banMs`. */
  readonly bytesPerSecondMax: number
  readonly burstBytesMax: number
  /**
   * Messages and subscriptions a second that one peer may send, to whatever topics. A message may
   * cost a signature check.
   */
  readonly messagesPerSecondMax: number
  readonly burstMessagesMax: number
  /**
   * What is passed on of others' messages, to each. Beyond, they are heard here and go no further.
   * Half of what is taken of a peer, so that nobody can get this host banned by what it passes on.
   */
  readonly passedOn: { readonly messages: Rate; readonly bytes: Rate }
  /** Entries of each kind in one RPC, checked while decoding. A richer RPC is dropped unread. */
  readonly subscriptionsMax: number
  readonly messagesPerRpcMax: number
  readonly messageIdsMax: number
  readonly controlsMax: number
  /** What one peer's subscriptions may occupy. More are ignored. */
  readonly topicBytesPerPeerMax: number
  /** Bytes waiting for a peer that reads slowly. Beyond, its gossip stream is reset and reopened. */
  readonly outboundBytesMax: number
  /** How long a message id is remembered, to know it when it comes round again. */
  readonly seenMs: number
  /** How often the mesh is mended and missed messages are offered. */
  readonly heartbeatMs: number
  /** How long a peer that broke a gossip limit stays away. */
  readonly banMs: number
}

export const networkLimits: NetworkLimits = {
  // A host at the size the membership is proven for (1,000) may know every other, and no more.
  connectionsMax: 1024,
  // A handshake holds about 20 KiB and 2 ms of a core: 64 are 130 ms of work.
  upgradesPendingMax: 64,
  upgradesPendingPerAddressMax: 32,
  // A rack behind one address reconnects at once after a switch reboots; the rest retry. Who comes
  // and goes all day, each time under another name, and opens what a stranger may, costs up to 17 ms
  // of a core each time; who was banned, 5 ms. Four times a second is too often for either.
  inboundPerAddressPerSecondMax: 4,
  inboundPerAddressAtOnceMax: 64,
  vainArrivalCosts: 16,
  vainArrivalsWaitMsMax: 15_000,
  inboundPerSecondMax: 128,
  addressesRatedMax: 1024,
  // Six round trips over a satellite (600 ms each), and some rest.
  upgradeTimeoutMs: 5_000,
  addressDialTimeoutMs: 4_000,
  negotiationTimeoutMs: 5_000,
  duplicateCheckMs: 2_000,
  renewedGraceMs: 10_000,
  simultaneousDialMs: 3_000,
  bansMax: 1024,
  peersLearntMax: 4096,
  addressesPerPeerMax: 16,
  streamsPerConnectionMax: 64,
  // A newer peer may ask for a dozen purposes that are not known here, each again every few seconds.
  // Of one of our own that was killed and comes back, one or two find nobody yet; it has a dozen.
  vainStreams: { perSecond: 4, atOnce: 80 },
  peersRatedMax: 1024,
  // 1 MiB keeps 160 Mbit/s going over 50 ms. It is also what one paused stream can make us hold.
  streamWindowBytesMax: mib,
  // The window that every new stream starts with: more cannot be under way anyway.
  streamHighWaterBytes: 256 * kib,
  streamBufferBytesMax: 8 * mib,
  purposeDefault: {
    frameBytesMax: mib,
    streamsInboundMax: 8,
    streamsOutboundMax: 8,
    // Streams are kept. Where one breaks time and again, whoever opens it waits longer each time.
    // Half a millisecond each, and there are a dozen purposes.
    opensPerSecondMax: 1,
    opensAtOnceMax: 24,
  },
  gossip: {
    messageBytesMax: 64 * kib,
    // The longest honest RPC answers a request for 5,000 missed messages of some 600 bytes.
    rpcBytesMax: 4 * mib,
    // A thousand members saying 600 bytes a second, three times over.
    bytesPerSecondMax: 2 * mib,
    burstBytesMax: 16 * mib,
    // A signature check takes 0.1 ms, so one hostile peer gets a fiftieth of a core and then a ban.
    messagesPerSecondMax: 200,
    burstMessagesMax: 5_000,
    passedOn: {
      messages: { perSecond: 100, atOnce: 1_000 },
      bytes: { perSecond: mib, atOnce: 8 * mib },
    },
    subscriptionsMax: 64,
    messagesPerRpcMax: 5_000,
    // What gossipsub itself asks for at most between two heartbeats.
    messageIdsMax: 5_000,
    controlsMax: 128,
    topicBytesPerPeerMax: 128 * kib,
    outboundBytesMax: 4 * mib,
    // A message can come round for as long as it is offered: three heartbeats, and slow links.
    seenMs: 30_000,
    // The specification says one second, and that costs a tenth of what an idle agent takes. Delivery
    // does not wait for it; what came apart is mended within these three.
    heartbeatMs: 3_000,
    banMs: 60_000,
  },
}

/** Overrides for tests and for small hosts, one level deep. */
export interface LimitOverrides extends Partial<Omit<NetworkLimits, 'purposeDefault' | 'gossip'>> {
  readonly purposeDefault?: Partial<PurposeLimits>
  readonly gossip?: Partial<GossipLimits>
}

export function limitsWith(overrides: LimitOverrides = {}): NetworkLimits {
  const limits: NetworkLimits = {
    ...networkLimits,
    ...overrides,
    purposeDefault: { ...networkLimits.purposeDefault, ...overrides.purposeDefault },
    gossip: { ...networkLimits.gossip, ...overrides.gossip },
  }
  assertRelations(limits)
  return limits
}

function assertRelations(limits: NetworkLimits): void {
  const { gossip, purposeDefault } = limits
  assert(
    limits.inboundPerAddressAtOnceMax <= limits.inboundPerSecondMax,
    'one address alone does not use up what all may',
  )
  assert(
    limits.vainStreams.atOnce >= limits.streamsPerConnectionMax,
    'a peer may open as many streams as it may hold',
  )
  assert(
    limits.streamWindowBytesMax >= 256 * kib,
    'a stream window is at least what yamux starts with',
  )
  assert(
    limits.streamHighWaterBytes <= limits.streamBufferBytesMax,
    'send says full before it aborts',
  )
  assert(
    purposeDefault.frameBytesMax <= limits.streamBufferBytesMax,
    'one frame fits into the buffer',
  )
  assert(gossip.messageBytesMax < gossip.rpcBytesMax, 'a gossip message fits into an RPC')
  assert(gossip.rpcBytesMax <= gossip.burstBytesMax, 'one honest RPC does not exceed the burst')
  assert(gossip.messagesPerRpcMax <= gossip.burstMessagesMax, 'nor do its messages')
  const { messages, bytes } = gossip.passedOn
  assert(
    2 * messages.perSecond <= gossip.messagesPerSecondMax &&
      2 * messages.atOnce <= gossip.burstMessagesMax &&
      2 * bytes.perSecond <= gossip.bytesPerSecondMax &&
      2 * bytes.atOnce <= gossip.burstBytesMax,
    'what is passed on leaves room for what one has to say',
  )
}

limitsWith()
