/**
 * The network as the rest of an agent sees it: only peers of the mesh, each within its role. It
 * stands before the port, in either world. Two peers show each other their credentials on a stream
 * of its own before anything else passes between them; who has none gets nothing, and goes.
 *
 * Invariant: whoever stands behind this sees no stream and no connection of a peer whose
 * certificate is missing, foreign, expired or taken back.
 */
import { assert } from '../../protocol/assert.ts'
import type { Grant } from '../../protocol/identity/certificate.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { Farewell } from '../../protocol/identity/introduction.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
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
import { decode } from '../../protocol/wire/codec.ts'
import {
  type AcquaintanceOptions,
  Acquaintances,
  issuerIn,
  type TrustFault,
} from './acquaintances.ts'
import { EndAlarm } from './end-alarm.ts'
import { bidFarewell } from './farewell.ts'
import { trustLimits } from './limits.ts'
import { Meetings } from './meetings.ts'
import { introductionPurpose, type PurposeRule, purposeRules, topicRules } from './purposes.ts'
import type { Ranks } from './ranks.ts'
import { Refusing, type TrustRefusal } from './refusing.ts'

export interface TrustOptions extends AcquaintanceOptions {
  /** What this host shows. */
  credential: Credential
  onRefused(refusal: TrustRefusal): void
  /** The word by which that peer, or the issuing key behind it, was taken back, for it to hear. */
  farewellFor?(peer: PeerId, issuer: string | undefined): Uint8Array | undefined
  /** Told so by a peer, of this host or another. Not looked at yet. */
  onFarewell?(word: Uint8Array): void
}

export interface TrustPorts {
  clock: Clock
  network: Network
  log: Log
}

/** A peer with a connection. */
interface Guest {
  admitted: boolean
  /** Streams that wait until it has shown who it is. */
  held: { stream: Stream; handler: (stream: Stream) => void }[]
  /** Those for which nobody need show anything. */
  visits: Stream[]
  /** Until it is shown the door. */
  patience: Timer | undefined
  /** It is being told that it was taken back. */
  isLeaving: boolean
}

export class TrustedNetwork implements Network, Ranks {
  onConnection: (event: PeerConnectionEvent) => void = () => {}
  readonly #ports: TrustPorts
  readonly #options: TrustOptions
  readonly #inner: Network
  readonly #peers: Acquaintances
  readonly #refusing: Refusing
  readonly #guests = new Map<PeerId, Guest>()
  readonly #meetings: Meetings
  readonly #alarm: EndAlarm

  constructor(ports: TrustPorts, options: TrustOptions) {
    this.#ports = ports
    this.#options = options
    this.#inner = ports.network
    this.#peers = new Acquaintances(ports.clock, options, this.#guests)
    this.#refusing = new Refusing(ports.clock, ports.log, (refusal) => options.onRefused(refusal))
    this.#meetings = new Meetings(ports, options.credential, (peer, theirs) => {
      this.#judge(peer, theirs)
    })
    this.#alarm = new EndAlarm(ports.clock, () => this.lookAgain())
    this.#inner.onConnection = (event) => this.#changed(event)
    this.#inner.accept(introductionPurpose, (stream) => this.#hear(stream))
  }

  /** It is known what was taken back: from here on peers are judged by what they show. */
  begin(): void {
    this.#meetings.begin()
  }

  // ── Who is who ────────────────────────────────────────────────────────────────────────────────

  /** What this host shows. */
  get credential(): Credential {
    return this.#meetings.credential
  }

  /**
   * Shows this from now on, and at once to all who are here: nobody has to be disconnected for it.
   * How many of them have not heard it; they do when they meet us again.
   */
  present(credential: Credential): Promise<number> {
    return this.#meetings.present(credential, this.connected())
  }

  /** What that peer has shown, while it is good. */
  holderOf(peer: PeerId): Grant | undefined {
    return this.#peers.holderOf(peer)
  }

  /** Connects first, if need be. Rejects where that peer does not show what is good. */
  meet(peer: PeerId): Promise<void> {
    const fault = this.#peers.fault(peer)
    if (fault === undefined) return Promise.resolve()
    if (this.#peers.mayShowBetter(peer, fault)) return this.#meetings.with(peer)
    return Promise.reject(untrusted(peer, fault))
  }

  issuerOf(peer: PeerId): Grant | undefined {
    return this.#peers.issuerOf(peer)
  }

  isCoordinator(peer: PeerId): boolean {
    return this.#peers.isCoordinator(peer)
  }

  maySay(peer: PeerId, purpose: Purpose, kind: string): boolean {
    if (!ruleOf(purpose).fromCoordinators.has(kind) || this.#peers.isCoordinator(peer)) return true
    const why = this.#peers.fault(peer, 'coordinator') ?? 'missingRole'
    this.#refusing.refuse({ peer, why, what: `${purpose} ${kind}` })
    return false
  }

  /** Looks at all who are here: somebody's certificate may have ended or been taken back. */
  lookAgain(): void {
    for (const [peer, { admitted }] of [...this.#guests]) {
      const why = admitted ? this.#peers.fault(peer) : undefined
      if (why !== undefined) this.#turnOut(peer, why, 'a connection')
    }
    this.#setAlarm()
  }

  stop(): void {
    this.#alarm.cancel()
    for (const { patience } of this.#guests.values()) patience?.cancel()
    this.#inner.refuse(introductionPurpose)
  }

  // ── The port ──────────────────────────────────────────────────────────────────────────────────

  get self(): PeerId {
    return this.#inner.self
  }

  addresses(): string[] {
    return this.#inner.addresses()
  }

  learn(peer: PeerId, addresses: readonly string[]): void {
    this.#inner.learn(peer, addresses)
  }

  dial(address: string, signal: AbortSignal): Promise<PeerId> {
    return this.#inner.dial(address, signal)
  }

  open(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    const { needs } = ruleOf(purpose)
    const fault = needs === 'anybody' ? undefined : this.#peers.fault(peer, needs)
    if (fault === undefined) return this.#inner.open(peer, purpose, signal)
    if (this.#peers.mayShowBetter(peer, fault)) return this.#openOnceMet(peer, purpose, signal)
    return Promise.reject(untrusted(peer, fault))
  }

  accept(purpose: Purpose, handler: (stream: Stream) => void): void {
    const { needs } = ruleOf(purpose)
    this.#inner.accept(purpose, (stream) => {
      const fault = needs === 'anybody' ? undefined : this.#peers.fault(stream.peer, needs)
      if (needs === 'anybody') this.#guests.get(stream.peer)?.visits.push(stream)
      if (fault === undefined) handler(stream)
      else if (this.#peers.mayShowBetter(stream.peer, fault)) this.#hold(stream, handler)
      else this.#refuseStream(stream, fault)
    })
  }

  refuse(purpose: Purpose): void {
    this.#inner.refuse(purpose)
  }

  connected(): PeerId[] {
    return [...this.#guests].flatMap(([peer, { admitted }]) => (admitted ? [peer] : []))
  }

  disconnect(peer: PeerId): void {
    this.#inner.disconnect(peer)
  }

  showOut(peer: PeerId): void {
    this.#inner.showOut(peer)
  }

  ban(peer: PeerId, forMs: number, why: string): void {
    this.#inner.ban(peer, forMs, why)
  }

  publish(topic: string, data: Uint8Array): void {
    this.#inner.publish(topic, data)
  }

  subscribe(topic: string, handler: (message: TopicMessage) => void): void {
    const rule = topicRules[topic]
    assert(rule !== undefined, 'a topic has a rule in purposes.ts', { topic })
    this.#inner.subscribe(topic, (message) => {
      const why = this.#peers.fault(message.from, rule.needs)
      if (why === undefined) handler(message)
      else this.#refusing.refuse({ peer: message.from, why, what: `gossip of ${topic}` })
    })
  }

  refusals(): RefusalCounts {
    return { ...this.#inner.refusals(), ...this.#refusing.counts() }
  }

  traffic(): { sentBytes: number; receivedBytes: number } {
    return this.#inner.traffic()
  }

  // ── Coming and going ──────────────────────────────────────────────────────────────────────────

  #changed({ peer, kind }: PeerConnectionEvent): void {
    const before = this.#guests.get(peer)
    before?.patience?.cancel()
    if (kind === 'disconnected') {
      this.#guests.delete(peer)
      this.#peers.leaves(peer)
      if (before?.admitted) this.onConnection({ peer, kind })
      return
    }
    const guest: Guest = {
      admitted: false,
      held: [],
      visits: [],
      patience: undefined,
      isLeaving: false,
    }
    this.#guests.set(peer, guest)
    // Whoever is remembered need not wait. The peer may not remember us: one of the two says it.
    const fault = this.#peers.fault(peer)
    if (fault === 'revoked' && !this.#peers.mayShowBetter(peer, fault)) {
      return this.#turnOut(peer, fault, 'a connection')
    }
    if (fault === undefined) this.#admit(peer)
    else guest.patience = this.#ports.clock.after(trustLimits.strangerMs, () => this.#tire(peer))
    // What comes of it is told by `#admit` and `#turnOut`.
    if (this.self < peer) this.#meetings.with(peer).catch(() => {})
  }

  #admit(peer: PeerId): void {
    this.#meetings.wentWell(peer)
    const guest = this.#guests.get(peer)
    if (guest === undefined || guest.admitted) return
    guest.admitted = true
    guest.patience?.cancel()
    this.#setAlarm()
    this.onConnection({ peer, kind: 'connected' })
    for (const { stream, handler } of guest.held.splice(0)) {
      if (!stream.open) continue
      stream.onClose = () => {}
      handler(stream)
      stream.resume()
    }
  }

  /** It has shown nothing. Whoever is here only to be let in is given the time that this takes. */
  #tire(peer: PeerId): void {
    const guest = this.#guests.get(peer)
    if (guest === undefined || guest.admitted) return
    guest.visits = guest.visits.filter(({ open }) => open)
    const why = this.#peers.fault(peer) ?? 'noCredential'
    if (guest.visits.length === 0) return this.#turnOut(peer, why, 'a connection')
    guest.patience = this.#ports.clock.after(trustLimits.strangerMs, () => this.#tire(peer))
  }

  /** `issuer`: the issuing key behind what it has shown just now, by the serial of its certificate. */
  #turnOut(peer: PeerId, why: TrustFault, what: string, issuer?: string): void {
    this.#refusing.refuse({ peer, why, what })
    this.#meetings.failed(peer, untrusted(peer, why))
    const guest = this.#guests.get(peer)
    if (guest?.isLeaving) return
    // Whoever was let in goes at once, and is told when it comes again.
    const word = why === 'revoked' && !guest?.admitted && this.#options.farewellFor?.(peer, issuer)
    if (guest === undefined || !word) return this.#inner.showOut(peer)
    guest.isLeaving = true
    guest.patience?.cancel()
    bidFarewell(this.#ports, peer, word, () => {
      // It may have come again meanwhile, and is then told again.
      if (guest === this.#guests.get(peer)) this.#inner.showOut(peer)
    })
  }

  #setAlarm(): void {
    this.#alarm.by(this.#peers.nextEndMs(this.#guests.keys()))
  }

  // ── Introductions ─────────────────────────────────────────────────────────────────────────────

  async #openOnceMet(peer: PeerId, purpose: Purpose, signal: AbortSignal): Promise<Stream> {
    await unlessAborted(this.#meetings.with(peer), signal, peer)
    const { needs } = ruleOf(purpose)
    const fault = needs === 'anybody' ? undefined : this.#peers.fault(peer, needs)
    if (fault !== undefined) throw untrusted(peer, fault)
    return this.#inner.open(peer, purpose, signal)
  }

  /** A peer shows who it is, and is told who we are. To whom we do not believe we say nothing. */
  #hear(stream: Stream): void {
    let heard = false
    stream.onClose = () => {}
    stream.onFrame = (frame) => {
      if (heard) return stream.abort('garbage')
      heard = true
      const said = frame.slice()
      const farewell = decode(Farewell, said)
      this.#meetings.once(() => {
        if (farewell.ok) this.#options.onFarewell?.(farewell.value.word)
        if (farewell.ok || !stream.open) return stream.close()
        if (this.#judge(stream.peer, said)) stream.send(this.#meetings.introduction)
        else stream.abort('garbage')
      })
    }
  }

  /** True when it is believed. */
  #judge(peer: PeerId, introduction: Uint8Array): boolean {
    const fault =
      introduction.length > trustLimits.frameBytesMax
        ? 'malformed'
        : this.#peers.meet(peer, introduction)
    if (fault === undefined) this.#admit(peer)
    else this.#turnOut(peer, fault, 'a connection', issuerIn(introduction))
    return fault === undefined
  }

  #hold(stream: Stream, handler: (stream: Stream) => void): void {
    const guest = this.#guests.get(stream.peer)
    if (guest === undefined || guest.held.length >= trustLimits.heldStreamsMax) {
      return this.#refuseStream(stream, 'noCredential')
    }
    stream.pause()
    stream.onFrame = () => {}
    stream.onClose = () => {
      guest.held = guest.held.filter((held) => held.stream !== stream)
    }
    guest.held.push({ stream, handler })
  }

  #refuseStream(stream: Stream, why: TrustFault): void {
    stream.onFrame = () => {}
    stream.onClose = () => {}
    stream.abort('unwanted')
    if (why === 'missingRole') {
      return this.#refusing.refuse({ peer: stream.peer, why, what: stream.purpose })
    }
    this.#turnOut(stream.peer, why, stream.purpose)
  }
}

function ruleOf(purpose: Purpose): PurposeRule {
  const rule = purposeRules[purpose]
  assert(rule !== undefined, 'a purpose has a rule in purposes.ts', { purpose })
  return rule
}

function untrusted(peer: PeerId, why: TrustFault): Unreachable {
  return new Unreachable('refused', `${peer} is not trusted: ${why}`)
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal, peer: PeerId): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Unreachable('aborted', `${peer} has not shown who it is`))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
