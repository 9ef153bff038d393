/**
 * What stands between a hostile peer and gossipsub's inside: how much it may send, what of it is
 * looked at, and who is told when it goes too far. Gossipsub drops what it cannot use and says
 * nothing, so a peer could go on for ever; here it is counted, and shown the door.
 */
import { type GossipSub, type Message, TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerId as RawPeerId, Stream } from '@libp2p/interface'
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { TokenBucket } from '../token-bucket.ts'
import { reachBytesMax, readReach } from './gossip-reach.ts'
import type { GossipLimits } from './limits.ts'
import type { Refusals } from './refusals.ts'

export interface GossipFence {
  topics: ReadonlySet<string>
  limits: GossipLimits
  refusals: Refusals
  misbehaved: (peer: PeerId, why: string) => void
  /** Whether messages of that peer, or passed on by it, are looked at. */
  heeds: (peer: PeerId) => boolean
  /** Takes what is heard here and goes no further. */
  heardOnly: (message: Message) => void
}

export interface RpcMessage {
  topic: string
  data?: Uint8Array | undefined
}

interface Rpc {
  subscriptions: { topic?: string | undefined }[]
  messages: RpcMessage[]
}

type RpcSource = AsyncIterable<{ byteLength: number }>

/**
 * The places inside gossipsub that we take hold of. They are not its interface, but its versions
 * are pinned exactly, they are asserted to be there, and the flood test fails without them.
 */
export interface FencedGossip extends GossipSub {
  readonly peers: Map<string, RawPeerId>
  readonly streamsOutbound: Map<string, { readonly rawStream: Stream }>
  readonly score: {
    score(peer: string): number
    rejectInvalidMessage(from: string, topic: string): void
    readonly deliveryRecords: { clear(): void }
    refreshScores(): void
  }
  readonly mesh: Map<string, Set<string>>
  start(): Promise<void>
  stop(): Promise<void>
  publish(
    topic: string,
    data: Uint8Array,
    options?: { floodPublish: boolean; batchPublish: boolean },
  ): ReturnType<GossipSub['publish']>
  forwardMessage(id: string, message: RpcMessage, source?: string, exclude?: Set<string>): void
  decodeRpc(bytes: Uint8Array): Rpc
  pipePeerReadStream(peer: RawPeerId, source: RpcSource): Promise<void>
  handlePeerReadStreamError(error: Error, peer: RawPeerId): void
  handleReceivedRpc(from: RawPeerId, rpc: Rpc): Promise<void>
}

export function fence(gossip: GossipSub, bounds: GossipFence): FencedGossip {
  const inner = gossip as FencedGossip
  for (const place of [
    inner.decodeRpc,
    inner.pipePeerReadStream,
    inner.handlePeerReadStreamError,
    inner.handleReceivedRpc,
    inner.forwardMessage,
    inner.score.rejectInvalidMessage,
    inner.score.deliveryRecords.clear,
    inner.score.refreshScores,
    inner.streamsOutbound.has,
  ]) {
    assert(typeof place === 'function', 'gossipsub is built as this fence expects')
  }
  new Fence(inner, bounds).close()
  return inner
}

class Fence {
  readonly #inner: FencedGossip
  readonly #bounds: GossipFence
  readonly #rates = new Map<string, { bytes: TokenBucket; messages: TokenBucket }>()
  readonly #passedOn: { bytes: TokenBucket; messages: TokenBucket }
  /** Whose RPC is being decoded: gossipsub decodes as soon as it is handed one. */
  #reading: RawPeerId | undefined = undefined

  constructor(inner: FencedGossip, bounds: GossipFence) {
    this.#inner = inner
    this.#bounds = bounds
    const { messages, bytes } = bounds.limits.passedOn
    const nowMs = performance.now()
    this.#passedOn = {
      bytes: new TokenBucket(bytes.perSecond, bytes.atOnce, nowMs),
      messages: new TokenBucket(messages.perSecond, messages.atOnce, nowMs),
    }
  }

  close(): void {
    const inner = this.#inner
    const pipePeerReadStream = inner.pipePeerReadStream.bind(inner)
    inner.pipePeerReadStream = (peer, source) =>
      pipePeerReadStream(peer, this.#metered(peer, source))
    const decodeRpc = inner.decodeRpc.bind(inner)
    inner.decodeRpc = (bytes) => {
      try {
        return decodeRpc(bytes)
      } catch (error) {
        this.#onUndecodable(error)
        throw error
      }
    }
    const handleReceivedRpc = inner.handleReceivedRpc.bind(inner)
    inner.handleReceivedRpc = async (from, rpc) => {
      if (this.#admit(from, rpc)) await handleReceivedRpc(from, rpc)
    }
    const forwardMessage = inner.forwardMessage.bind(inner)
    inner.forwardMessage = (id, message, source, exclude) =>
      forwardMessage(id, message, source, this.#alreadyTold(message, exclude))
    // Gossipsub would forget the peer, and with it what the peer subscribes to, which the peer says
    // once a stream: one of two connections may have gone, and the stream on the other one goes on.
    inner.handlePeerReadStreamError = (error, peer) => {
      // A longer RPC than allowed is refused on its length, before its bytes are gathered.
      if (/^InvalidDataLength/.test(error.name)) this.#overLimit(peer, 'an RPC was too long')
    }
    for (const topic of this.#bounds.topics) {
      inner.topicValidators.set(topic, (_, message) => this.#judge(message))
    }
    inner.score.score = () => 0
    inner.score.rejectInvalidMessage = () => this.#bounds.refusals.count('gossipForged')
    // With scoring off nobody reads the delivery records, which would be kept for two minutes, nor
    // what is kept of peers that have gone, which is let go of as the scores are looked through.
    inner.addEventListener('gossipsub:heartbeat', () => {
      inner.score.deliveryRecords.clear()
      inner.score.refreshScores()
      for (const peer of this.#rates.keys()) if (!inner.peers.has(peer)) this.#rates.delete(peer)
    })
  }

  async *#metered(peer: RawPeerId, source: RpcSource): RpcSource {
    for await (const rpc of source) {
      if (!this.#rateOf(peer).bytes.take(rpc.byteLength, performance.now())) {
        this.#overLimit(peer, 'too many bytes a second')
        return
      }
      this.#reading = peer
      yield rpc
    }
  }

  #rateOf(peer: RawPeerId): { bytes: TokenBucket; messages: TokenBucket } {
    const id = peer.toString()
    const known = this.#rates.get(id)
    if (known !== undefined) return known
    const { limits } = this.#bounds
    const nowMs = performance.now()
    const fresh = {
      bytes: new TokenBucket(limits.bytesPerSecondMax, limits.burstBytesMax, nowMs),
      messages: new TokenBucket(limits.messagesPerSecondMax, limits.burstMessagesMax, nowMs),
    }
    this.#rates.set(id, fresh)
    return fresh
  }

  /** Of a message that is signed by its author, whoever that is: whether others hear it from us. */
  #judge(message: Message): TopicValidatorResult {
    const { bytes, messages } = this.#passedOn
    const nowMs = performance.now()
    if (bytes.waitMs(nowMs) === 0 && messages.take(1, nowMs)) {
      bytes.charge(message.data.length, nowMs)
      return TopicValidatorResult.Accept
    }
    this.#bounds.refusals.count('gossipNotPassedOn')
    this.#bounds.heardOnly(message)
    return TopicValidatorResult.Ignore
  }

  /** Drops what has no business here, and says whether the rest may be looked at. */
  #admit(from: RawPeerId, rpc: Rpc): boolean {
    const { topics, limits, refusals, heeds } = this.#bounds
    const offered = rpc.subscriptions.length + rpc.messages.length
    if (!this.#rateOf(from).messages.take(offered, performance.now())) {
      this.#overLimit(from, 'too many messages and subscriptions a second')
      return false
    }
    rpc.subscriptions = rpc.subscriptions.filter(
      ({ topic }) => topic !== undefined && topics.has(topic),
    )
    rpc.messages = rpc.messages.filter(({ topic }) => topics.has(topic))
    const foreign = offered - rpc.subscriptions.length - rpc.messages.length
    // No verdict: a newer version may know topics that this one does not.
    if (foreign > 0) refusals.count('topicNotAllowed', foreign)
    if (rpc.messages.length > 0 && !heeds(from.toString() as PeerId)) {
      refusals.count('gossipOfStranger', rpc.messages.length)
      rpc.messages = []
    }
    const messageBytesMax = limits.messageBytesMax + reachBytesMax
    const inTopic = rpc.messages.length
    rpc.messages = rpc.messages.filter(({ data }) => (data?.length ?? 0) <= messageBytesMax)
    if (rpc.messages.length < inTopic) refusals.count('gossipLimit', inTopic - rpc.messages.length)
    return true
  }

  #alreadyTold(message: RpcMessage, exclude: Set<string> | undefined): Set<string> {
    const told = new Set(exclude)
    const reach = readReach(message.data ?? new Uint8Array(0))
    for (const peer of this.#inner.mesh.get(message.topic) ?? []) {
      if (reach?.reached(peer)) told.add(peer)
    }
    return told
  }

  #onUndecodable(error: unknown): void {
    const overLimit = error instanceof Error && error.name === 'MaxLengthError'
    if (this.#reading === undefined) return
    if (overLimit) this.#overLimit(this.#reading, 'an RPC had too many entries')
    else {
      this.#bounds.refusals.count('gossipGarbage')
      this.#bounds.misbehaved(this.#reading.toString() as PeerId, 'an RPC could not be decoded')
    }
  }

  #overLimit(peer: RawPeerId, why: string): void {
    this.#bounds.refusals.count('gossipLimit')
    this.#bounds.misbehaved(peer.toString() as PeerId, why)
  }
}
