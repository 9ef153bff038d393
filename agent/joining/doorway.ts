/**
 * Where hosts that are not of the mesh yet ask to be let in: the only stream but the introduction on
 * which a stranger is answered. It shows who this agent is, has the request judged elsewhere, and
 * passes the answer on. What a stranger may take of it is bounded in number, rate, size and time.
 */
import type { Credential } from '../../protocol/identity/credential.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { joinLimits } from '../../protocol/joining/limits.ts'
import { JoinFrame, type JoinRefusal, type JoinRequest } from '../../protocol/joining/messages.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network, Stream } from '../../protocol/ports/network.ts'
import { decode, encode } from '../../protocol/wire/codec.ts'
import { Tally } from '../tally.ts'
import { TokenBucket } from '../token-bucket.ts'
import { joinPurpose } from '../trust/purposes.ts'
import { doorwayLimits } from './limits.ts'

/** A host asks, over a connection that is its own, with this nonce of ours. */
export interface JoinAsked extends JoinRequest {
  readonly joiner: PeerId
  readonly nonce: Uint8Array
}

export type JoinDecision = { credential: Credential } | { why: JoinRefusal }

export interface DoorwayOptions {
  /** What this agent shows, as it is now. */
  credential(): Credential
}

export interface DoorwayPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  log: Log
}

type Reason = 'joinBusy' | 'joinTooOften' | 'joinMalformed' | 'joinLate'

interface Visit {
  readonly nonce: Uint8Array
  awaits: 'knock' | 'request' | 'nothing'
  timer: Timer
}

export class Doorway {
  readonly #ports: DoorwayPorts
  readonly #entropy: Entropy
  readonly #options: DoorwayOptions
  readonly #visits = new Map<Stream, Visit>()
  readonly #refused = new Tally<Reason>()
  readonly #rates = new Map<PeerId, TokenBucket>()
  readonly #rate: TokenBucket
  #decide: (asked: JoinAsked) => Promise<JoinDecision> = async () => ({ why: 'unavailable' })

  constructor(ports: DoorwayPorts, options: DoorwayOptions) {
    this.#ports = ports
    this.#entropy = ports.entropy.stream('doorway')
    this.#options = options
    const { allPerSecond, allBurst } = doorwayLimits
    this.#rate = new TokenBucket(allPerSecond, allBurst, ports.clock.now())
  }

  open(decide: (asked: JoinAsked) => Promise<JoinDecision>): void {
    this.#decide = decide
    this.#ports.network.accept(joinPurpose, (stream) => this.#enter(stream))
  }

  close(): void {
    this.#ports.network.refuse(joinPurpose)
    for (const stream of [...this.#visits.keys()]) stream.abort('shutdown')
  }

  refusals(): Readonly<Record<string, number>> {
    return this.#refused.counts()
  }

  #enter(stream: Stream): void {
    stream.onFrame = () => {}
    stream.onClose = () => {}
    const why = this.#unwelcome(stream.peer)
    if (why !== undefined) return this.#turnAway(stream, why)
    const { clock } = this.#ports
    const visit: Visit = {
      nonce: this.#entropy.bytes(joinLimits.nonceBytes),
      awaits: 'knock',
      timer: clock.after(doorwayLimits.requestMs, () => this.#turnAway(stream, 'joinLate')),
    }
    this.#visits.set(stream, visit)
    stream.onClose = () => {
      visit.timer.cancel()
      this.#visits.delete(stream)
    }
    stream.onFrame = (frame) => this.#hear(stream, visit, frame)
  }

  #unwelcome(peer: PeerId): Reason | undefined {
    if (this.#visits.size >= doorwayLimits.visitsMax) return 'joinBusy'
    const nowMs = this.#ports.clock.now()
    const { peerPerSecond, peerBurst, peersRatedMax } = doorwayLimits
    const rate = this.#rates.get(peer) ?? new TokenBucket(peerPerSecond, peerBurst, nowMs)
    this.#rates.delete(peer)
    this.#rates.set(peer, rate)
    if (this.#rates.size > peersRatedMax) {
      this.#rates.delete(this.#rates.keys().next().value as PeerId)
    }
    return rate.take(1, nowMs) && this.#rate.take(1, nowMs) ? undefined : 'joinTooOften'
  }

  #hear(stream: Stream, visit: Visit, bytes: Uint8Array): void {
    const read = bytes.length <= joinLimits.frameBytesMax ? decode(JoinFrame, bytes) : undefined
    const frame = read?.ok ? read.value : undefined
    if (frame === undefined || frame.kind !== visit.awaits) {
      return this.#turnAway(stream, 'joinMalformed')
    }
    if (frame.kind === 'knock') {
      visit.awaits = 'request'
      const value = { credential: this.#options.credential(), nonce: visit.nonce }
      stream.send(encode(JoinFrame, { kind: 'challenge', value }))
    } else if (frame.kind === 'request') {
      visit.awaits = 'nothing'
      visit.timer.cancel()
      const leftMs = doorwayLimits.visitMs - doorwayLimits.requestMs
      visit.timer = this.#ports.clock.after(leftMs, () => this.#turnAway(stream, 'joinLate'))
      void this.#answer(stream, visit, frame.value)
    }
  }

  async #answer(stream: Stream, { nonce }: Visit, request: JoinRequest): Promise<void> {
    const asked = { ...request, joiner: stream.peer, nonce }
    const value = await this.#decide(asked).catch((error: unknown) => {
      this.#ports.log.child('joining').error('a request was not judged', { why: String(error) })
      return { why: 'unavailable' as const }
    })
    if (!stream.open) return
    stream.send(encode(JoinFrame, { kind: 'answer', value }))
    stream.close()
  }

  /** Nobody is told more than that it is over; only who came too much is told to come later. */
  #turnAway(stream: Stream, why: Reason): void {
    this.#refused.add(why)
    this.#ports.log.child('joining').debug('a stranger is turned away', { peer: stream.peer, why })
    if (why === 'joinBusy' || why === 'joinTooOften') {
      stream.send(encode(JoinFrame, { kind: 'answer', value: { why: 'busy' } }))
      return stream.close()
    }
    stream.abort('garbage')
  }
}
