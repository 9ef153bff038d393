/**
 * All links of one purpose: messages out to peers, messages in from them, and questions with their
 * answers, over kept streams. What a peer sends is judged here; what it means is for the owner.
 *
 * Nothing here is promised to arrive. A message may be lost whenever its link is; only an answer
 * proves that a request got through.
 */
import { assert } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network, Purpose, Stream } from '../../protocol/ports/network.ts'
import type { Schema } from '../../protocol/wire/schema.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import { Tally } from '../tally.ts'
import { TokenBucket } from '../token-bucket.ts'
import { Exchange, type ExchangeHandlers } from './exchange.ts'
import type { Outgoing } from './frame-queue.ts'
import { InboundLink } from './inbound-link.ts'
import { assertLawful, type LinkLimits, type Quotas } from './limits.ts'
import { OutboundLink } from './outbound-link.ts'
import { Quota } from './quota.ts'
import { isFault, isVain, type LinkDrop, type LinkRefusal } from './refusals.ts'
import { type RequestFailure, Requests, type Result } from './requests.ts'

export interface LinkPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  log: Log
}

export interface LinkOptions<F extends object> extends ExchangeHandlers<F> {
  purpose: Purpose
  /** The union of everything that this purpose says. */
  frames: Schema<F>
  hello: Hello
  quotas: Quotas
  limits: LinkLimits
}

interface Peer {
  /** Made when there is something to send: most who come unknown are never written to. */
  outbound: OutboundLink | undefined
  inbound: InboundLink[]
  quota: Quota
  /** What is left of a peer's patience: empty means banned. */
  patience: TokenBucket
}

/** What a frame that was dropped means to whoever waits for an answer to it. */
const failureOf: Readonly<Record<LinkDrop, RequestFailure>> = {
  queueFull: 'overloaded',
  tooManyPeers: 'overloaded',
  backingOff: 'unreachable',
  unreachable: 'unreachable',
  linkLost: 'unreachable',
  closed: 'unreachable',
  refused: 'refused',
}

export class Links<F extends object> {
  readonly #ports: LinkPorts
  readonly #options: LinkOptions<F>
  readonly #log: Log
  readonly #exchange: Exchange<F>
  readonly #requests: Requests<F>
  readonly #peers = new Map<PeerId, Peer>()
  #kept: ReadonlySet<PeerId> = new Set()
  readonly #refusals = new Tally<LinkRefusal>()
  readonly #drops = new Tally<LinkDrop>()
  readonly #reaper: Timer
  #closed = false

  constructor(ports: LinkPorts, options: LinkOptions<F>) {
    assertLawful(options.limits, options.quotas)
    this.#options = options
    this.#ports = { ...ports, entropy: ports.entropy.stream(`links${options.purpose}`) }
    this.#log = ports.log.child('links')
    this.#requests = new Requests(ports.clock, this.#ports.entropy, options.limits)
    this.#exchange = new Exchange(options.frames, options.limits, this.#requests, options, {
      send: (to, frame, dialNow) => this.#send(to, frame, dialNow),
      refused: (from, reason) => this.#refuse(from, reason),
    })
    this.#reaper = ports.clock.every(options.limits.reapIntervalMs, () => this.#reap())
    ports.network.accept(options.purpose, (stream) => this.#accept(stream))
  }

  /** Best effort. `dialNow` tries a peer that we would otherwise still wait to try again. */
  send(to: PeerId, frame: F, options?: { dialNow: boolean }): void {
    this.#exchange.send(to, frame, options?.dialNow ?? false)
  }

  /** Always resolves, by the deadline at the latest. */
  request(
    to: PeerId,
    frame: F,
    options: { deadlineMs: number; dialNow?: boolean },
  ): Promise<Result<F>> {
    return this.#exchange.request(to, frame, options.deadlineMs, options.dialNow ?? false)
  }

  /** These peers' links are opened unasked and again when they break; this replaces the last set. */
  keep(peers: Iterable<PeerId>): void {
    if (this.#closed) return
    const before = this.#kept
    this.#kept = new Set(peers)
    for (const id of before) if (!this.#kept.has(id)) this.#peers.get(id)?.outbound?.keep(false)
    for (const id of this.#kept) if (!before.has(id)) this.#outbound(id)?.keep(true)
  }

  /** Tells that a peer can be reached again, for instance because it connected to us. */
  resetBackoff(id: PeerId): void {
    this.#peers.get(id)?.outbound?.resetBackoff()
  }

  /**
   * What that peer has said was of no use, and need not be its fault: nothing happens to it, but that
   * it cannot go on at the pace of what is useful.
   */
  fine(from: PeerId): void {
    const { quotas, limits } = this.#options
    const frames = quotas.framesPerSecond / limits.vainPerSecondMax
    this.#peers.get(from)?.quota.fine(frames, this.#ports.clock.now())
  }

  /** Peers that we can send to without opening anything. */
  open(): PeerId[] {
    return [...this.#peers].filter(([, peer]) => peer.outbound?.open).map(([id]) => id)
  }

  /** What peers sent and was not taken, by reason, since the start. */
  refusals(): Readonly<Partial<Record<LinkRefusal, number>>> {
    return this.#refusals.counts()
  }

  /** What was to be sent and was not, by reason, since the start. */
  drops(): Readonly<Partial<Record<LinkDrop, number>>> {
    return this.#drops.counts()
  }

  /** Peers of which anything is remembered. */
  get peersKnown(): number {
    return this.#peers.size
  }

  close(): void {
    this.#closed = true
    this.#ports.network.refuse(this.#options.purpose)
    this.#reaper.cancel()
    for (const peer of this.#peers.values()) {
      peer.outbound?.close('closed', 'closed here')
      for (const link of peer.inbound) link.end('shutdown')
    }
    this.#peers.clear()
    this.#requests.close()
  }

  #send(to: PeerId, frame: Outgoing, dialNow: boolean): void {
    const outbound = this.#closed ? undefined : this.#outbound(to)
    if (outbound !== undefined) outbound.send(frame, dialNow)
    else if (this.#closed) this.#dropped(frame, 'closed', 'closed here')
    else this.#dropped(frame, 'tooManyPeers', 'too many peers are remembered already')
  }

  #dropped(frame: Outgoing, reason: LinkDrop, why: string): void {
    this.#drops.add(reason)
    if (frame.requestId !== undefined) this.#requests.fail(frame.requestId, failureOf[reason], why)
  }

  #peer(id: PeerId): Peer | undefined {
    const known = this.#peers.get(id)
    if (known !== undefined) return known
    const { limits, quotas } = this.#options
    if (this.#peers.size >= limits.peersMax) this.#forget()
    if (this.#peers.size >= limits.peersMax) return undefined
    assert(id !== this.#ports.network.self, 'a host must not link to itself')
    const now = this.#ports.clock.now()
    const patience = limits.refusalsPerMinuteMax
    const peer: Peer = {
      outbound: undefined,
      inbound: [],
      quota: new Quota(quotas, now),
      patience: new TokenBucket(patience / 60, patience, now),
    }
    this.#peers.set(id, peer)
    return peer
  }

  #outbound(id: PeerId): OutboundLink | undefined {
    const peer = this.#peer(id)
    if (peer !== undefined) peer.outbound ??= this.#newOutbound(id)
    return peer?.outbound
  }

  #newOutbound(id: PeerId): OutboundLink {
    const { purpose, hello, limits } = this.#options
    return new OutboundLink(this.#ports, id, purpose, hello, limits, {
      sent: ({ requestId }) => {
        if (requestId !== undefined) this.#requests.sent(requestId)
      },
      dropped: (frame, reason, why) => this.#dropped(frame, reason, why),
      refused: (reason) => this.#refuse(id, reason),
      opened: ({ agent, node }, version) =>
        this.#log.debug('link opened', { purpose, peer: id, node, agent, version }),
      lost: (why) => {
        this.#log.debug('link lost', { purpose, peer: id, why })
        this.#requests.linkLost(id, why)
      },
    })
  }

  #accept(stream: Stream): void {
    const peer = this.#closed ? undefined : this.#peer(stream.peer)
    if (peer === undefined) {
      // The port asks for handlers on every stream that it hands over, unwanted ones included.
      stream.onFrame = () => {}
      stream.onClose = () => {}
      if (!this.#closed) this.#refusals.add('tooManyPeers')
      stream.abort(this.#closed ? 'shutdown' : 'unwanted')
      return
    }
    if (peer.inbound.length >= this.#options.limits.inboundStreamsPerPeerMax) {
      peer.inbound.shift()?.end('unwanted')
      this.#refusals.add('tooManyStreams')
    }
    peer.inbound.push(this.#inbound(stream, peer))
  }

  #inbound(stream: Stream, peer: Peer): InboundLink {
    const from = stream.peer
    const { hello, limits } = this.#options
    const link = new InboundLink(
      this.#ports.clock,
      stream,
      hello,
      limits.helloTimeoutMs,
      peer.quota,
      {
        greeted: () => peer.outbound?.resetBackoff(),
        frame: (bytes) => this.#exchange.receive(from, bytes),
        refused: (reason) => this.#refuse(from, reason),
        closed: () => {
          peer.inbound = peer.inbound.filter((other) => other !== link)
        },
      },
    )
    return link
  }

  #refuse(from: PeerId, reason: LinkRefusal): void {
    this.#refusals.add(reason)
    const peer = this.#peers.get(from)
    if (isVain(reason)) this.fine(from)
    if (!isFault(reason) || peer === undefined) return
    const now = this.#ports.clock.now()
    peer.patience.charge(1, now)
    if (peer.patience.waitMs(now) > 0) this.#ban(from, peer, reason)
  }

  #ban(id: PeerId, peer: Peer, last: LinkRefusal): void {
    const { purpose, limits } = this.#options
    this.#refusals.add('banned')
    this.#log.warn('peer banned for what it sends', {
      purpose,
      peer: id,
      last,
      forMs: limits.banMs,
    })
    for (const link of peer.inbound.splice(0)) link.end('garbage')
    peer.outbound?.close('refused', 'the peer was banned')
    this.#requests.linkLost(id, 'the peer was banned')
    this.#ports.network.ban(id, limits.banMs, `too many refusals on ${purpose}, last ${last}`)
    if (this.#kept.has(id)) peer.outbound?.keep(true)
  }

  #reap(): void {
    this.#forget()
    // Those that found no room when they were named.
    for (const id of this.#kept) if (!this.#peers.has(id)) this.#outbound(id)?.keep(true)
  }

  /** Lets go of idle links, and of peers about which there is nothing left to remember. */
  #forget(): void {
    const now = this.#ports.clock.now()
    for (const [id, peer] of this.#peers) {
      const silent = peer.outbound?.reap() !== false && peer.inbound.length === 0
      const even = peer.quota.full(now) && peer.patience.full(now)
      if (silent && even && this.#requests.waitingFor(id) === 0) this.#peers.delete(id)
    }
  }
}
