/**
 * The `Network` port of one life of a host. It hands out what `connections.ts` and
 * `stream-offers.ts` bring about; how hostile the way between two hosts is, the wires decide.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type {
  Network,
  PeerConnectionEvent,
  Purpose,
  RefusalCounts,
  Stream,
  TopicMessage,
} from '../../protocol/ports/network.ts'
import type { End, Word } from './connection.ts'
import { Connections } from './connections.ts'
import type { CrashKind, Host } from './host.ts'
import { StreamOffers } from './stream-offers.ts'
import { Topics } from './topics.ts'
import { unlessGivenUp } from './unreachable.ts'

export class SimulatedNetwork implements Network {
  readonly self: PeerId
  onConnection: (event: PeerConnectionEvent) => void = () => {}
  readonly topics: Topics
  /** False once the life that it belongs to is over. */
  alive = true
  private readonly host: Host
  private readonly connections: Connections
  private readonly offers: StreamOffers
  private readonly refused = new Map<string, number>()
  private sentBytes = 0
  private receivedBytes = 0

  constructor(host: Host) {
    this.host = host
    this.self = host.id
    this.topics = new Topics(host, this)
    this.offers = new StreamOffers(host, this)
    this.connections = new Connections(host, this, {
      changed: (event) => this.onConnection(event),
      lost: (end) => {
        for (const stream of [...end.streams]) {
          if (!this.offers.answered(stream, 'refused')) stream.lost('connectionLost')
        }
      },
    })
  }

  addresses(): string[] {
    return [this.host.address]
  }

  learn(peer: PeerId, addresses: readonly string[]): void {
    this.connections.learn(peer, addresses)
  }

  dial(address: string, signal: AbortSignal): Promise<PeerId> {
    const attempt = async () => (await this.connections.dial(address)).other.host.id
    return unlessGivenUp(signal, address, attempt, () => {})
  }

  open(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    const attempt = async () => this.offers.offer(await this.connections.to(peer), purpose)
    return unlessGivenUp(signal, peer, attempt, (late) => late.abort('closedHere'))
  }

  accept(purpose: Purpose, handler: (stream: Stream) => void): void {
    this.offers.accept(purpose, handler)
  }

  refuse(purpose: Purpose): void {
    this.offers.refuse(purpose)
  }

  connected(): PeerId[] {
    return this.connections.peers()
  }

  disconnect(peer: PeerId): void {
    this.connections.disconnect(peer)
  }

  /** Nothing here costs a handshake. */
  showOut(peer: PeerId): void {
    this.disconnect(peer)
  }

  ban(peer: PeerId, forMs: number, why: string): void {
    this.host.note('connect', `ban of ${this.host.world.hostOf(peer)?.name ?? peer}: ${why}`)
    this.connections.ban(peer, forMs)
  }

  publish(topic: string, data: Uint8Array): void {
    if (this.alive) this.topics.publish(topic, data)
  }

  subscribe(topic: string, handler: (message: TopicMessage) => void): void {
    this.topics.subscribe(topic, handler)
  }

  refusals(): RefusalCounts {
    return Object.fromEntries(this.refused)
  }

  traffic(): { sentBytes: number; receivedBytes: number } {
    return { sentBytes: this.sentBytes, receivedBytes: this.receivedBytes }
  }

  // ── For the other parts of the world ──────────────────────────────────────────────────────────

  countSent(bytes: number): void {
    this.sentBytes += bytes
  }

  countRefusal(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
  }

  neighbours(): Iterable<End> {
    return this.connections.neighbours()
  }

  greeted(end: End): void {
    this.connections.greeted(end)
  }

  watchSilence(peer: Host): void {
    this.connections.watchSilence(peer)
  }

  die(kind: CrashKind): void {
    this.alive = false
    this.connections.die(kind)
  }

  heard(end: End, word: Word, bytes: number): void {
    this.receivedBytes += bytes
    switch (word.kind) {
      case 'frame':
        return word.stream.receive(word.frame, word.again)
      case 'credit':
        return word.stream.credited(word.bytes)
      case 'note':
        return this.topics.heard(end, word.note)
      case 'openStream':
        return this.offers.offered(end, word.stream, word.purpose)
      case 'acceptStream':
        return this.offers.accepted(end, word.stream, word.far)
      case 'refuseStream':
        this.offers.answered(word.stream, word.code)
        return
      case 'endStream':
        return word.stream.ended(word.aborted)
      case 'hello':
        return
      case 'welcome':
        return end.onDialled?.(undefined)
      case 'ready':
        return this.connections.established(end)
      case 'reset':
        return end.onDialled === undefined ? this.connections.lose(end) : end.onDialled(word.code)
    }
  }
}
