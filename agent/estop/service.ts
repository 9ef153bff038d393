/**
 * The emergency stop of this host, driven: words come in from people and from peers, are written
 * down, obeyed, passed on and answered for. It needs no leader, no quorum and no gateway, and its
 * streams are its own, so that it waits behind nothing.
 *
 * Invariant: from the moment that a stop is heard nothing in its scope begins here, and what it means
 * is held still and passed on before anything else is done.
 */
import type { OwnAnswer } from '../../protocol/estop/answers.ts'
import { EstopCore, type EstopReady, type Heard, type Obeyed } from '../../protocol/estop/core.ts'
import type { Rules } from '../../protocol/estop/judge.ts'
import { estopLimits, estopTopic } from '../../protocol/estop/limits.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { scopeText } from '../../protocol/estop/scope.ts'
import { stopText } from '../../protocol/estop/text.ts'
import { readWord, StopWord } from '../../protocol/estop/word.ts'
import type { Trust } from '../../protocol/identity/credential.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { type Entropy, pick } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network, PeerConnectionEvent } from '../../protocol/ports/network.ts'
import { encode } from '../../protocol/wire/codec.ts'
import type { Hello } from '../../protocol/wire/versions.ts'
import type { Refused } from '../../protocol/work/attempt.ts'
import { Links } from '../links/links.ts'
import { Tally } from '../tally.ts'
import { TokenBucket } from '../token-bucket.ts'
import { estopPurpose } from '../trust/purposes.ts'
import { Forgeries } from './forgeries.ts'
import { estopDriverLimits, estopLinkLimits, estopLinkQuotas } from './limits.ts'
import { Obeying, type Work } from './obeying.ts'

export interface EstopPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  disk: Disk
  log: Log
}

export interface EstopParts extends Work {
  self: PeerId
  hello: Hello
  trust: Trust
  rules: Rules
  /** Peers that are alive as far as is known, connected or not. */
  alive(): readonly PeerId[]
  /** Something is in force, or is not any more: said when it is obeyed, or is taking a while. */
  changed(word: Obeyed): void
  /** All of it is gone here. */
  finished(word: Obeyed, own: OwnAnswer): void
  /** It has said which stops it knows, for the first time since it can be reached. */
  heardOf(peer: PeerId): void
  /** Counted, and told to people. */
  refused(from: PeerId | undefined, why: string): void
  /** This host goes before others on its machine, where it may, until what is returned is called. */
  hurry(): () => void
}

export class EmergencyStop {
  readonly #ports: EstopPorts
  readonly #parts: EstopParts
  readonly #log: Log
  readonly #obeying: Obeying
  readonly #entropy: Entropy
  readonly #refused = new Tally<string>()
  readonly #telling: TokenBucket
  readonly #forgeries: Forgeries
  #core: EstopCore
  #links: Links<EstopFrame> | undefined
  #timer: Timer | undefined
  #comparing: Timer | undefined
  /** When each was asked which stops it knows, and has not answered. */
  readonly #askedMs = new Map<PeerId, number>()
  readonly #followers = new Set<(word: Obeyed) => void>()
  /** By word that is being obeyed: what tells of it here. */
  readonly #untold = new Map<string, () => void>()
  #closed = false
  /** Words that were raised or released at this host: it tells all, not only who is connected. */
  readonly #desk = new Set<string>()

  constructor(ports: EstopPorts, parts: EstopParts) {
    this.#ports = ports
    this.#parts = parts
    this.#log = ports.log.child('estop')
    this.#obeying = new Obeying({ ...ports, log: this.#log }, parts, {
      recordOf: (scope) => this.#core.latch.recordOf(scope),
      latched: (word) => this.#latched(word),
      done: (word, killed) => this.#done(word, killed),
    })
    this.#entropy = ports.entropy.stream('estop')
    this.#forgeries = new Forgeries(ports.clock)
    const most = estopDriverLimits.refusalsToldPerMinute
    this.#telling = new TokenBucket(most / 60, most, ports.clock.now())
    this.#core = this.#newCore([])
  }

  /** Before anything else of the agent: from here on, what an earlier life has latched holds. */
  async load(): Promise<void> {
    this.#core = this.#newCore(await this.#obeying.load())
    const { unreadable } = this.#core.latch
    if (unreadable > 0) this.#log.error('records of emergency stops cannot be read', { unreadable })
    const left = this.#core.leftInForce()
    for (const word of left) {
      this.#log.warn('an emergency stop is in force since before the start', told(word))
    }
  }

  open(): void {
    const { network } = this.#ports
    this.#links = new Links<EstopFrame>(this.#ports, {
      purpose: estopPurpose,
      frames: EstopFrame,
      hello: this.#parts.hello,
      quotas: estopLinkQuotas,
      limits: estopLinkLimits,
      onMessage: (from, frame) => this.#hear(from, frame),
    })
    network.subscribe(estopTopic, ({ from, data }) => {
      const word = readWord(data)
      if (word === undefined || from === this.#parts.self) return
      this.#hear(from, { kind: 'words', value: { words: [word] } })
    })
    this.#links.keep(network.connected())
    for (const peer of network.connected()) this.#core.connected(peer, this.#ports.clock.now())
    this.#drive()
  }

  /** What an earlier life has left running in scope is ended. Called when the work is taken up. */
  workTakenUp(): void {
    for (const word of this.#core.leftInForce()) this.#obeying.obey(word)
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#comparing?.cancel()
    this.#comparing = undefined
    this.#links?.close()
    this.#links = undefined
  }

  connectionChanged({ peer, kind }: PeerConnectionEvent): void {
    if (this.#links === undefined) return
    if (kind === 'connected') {
      this.#links.resetBackoff(peer)
      this.#core.connected(peer, this.#ports.clock.now())
    } else {
      this.#core.disconnected(peer)
      this.#askedMs.delete(peer)
    }
    this.#links.keep(this.#ports.network.connected())
    this.#drive()
  }

  /** The labels of this host have changed: it may be meant now. */
  labelsChanged(): void {
    this.workTakenUp()
  }

  // ── What people ask ───────────────────────────────────────────────────────────────────────────

  /** Signed by a person. What comes of it here is told to `finished`, and kept in the core. */
  said(word: StopWord): Heard {
    const calm = this.hurry()
    try {
      return this.#said(word)
    } finally {
      calm()
    }
  }

  /** For whoever sees that a word of a person is about to come. */
  hurry(): () => void {
    return this.#parts.hurry()
  }

  #said(word: StopWord): Heard {
    const { clock } = this.#ports
    const heard = this.#core.said(word, clock.now(), clock.wall())
    if (heard.kind === 'news') {
      this.#desk.add(heard.id)
      if (this.#desk.size > estopLimits.proposalsMax) {
        this.#desk.delete(this.#desk.values().next().value as string)
      }
      for (const peer of this.#parts.alive()) this.#core.alsoTell(peer, clock.now())
      this.#core.tick(clock.now())
    }
    this.#drive()
    return heard
  }

  /** Called with each word, as `changed` is. Returns what ends that. */
  follow(call: (word: Obeyed) => void): () => void {
    this.#followers.add(call)
    return () => this.#followers.delete(call)
  }

  get core(): EstopCore {
    return this.#core
  }

  /** What is not believed, by reason, since the start. */
  refusals(): Readonly<Record<string, number>> {
    return { ...this.#links?.refusals(), ...this.#refused.counts() }
  }

  // ── What holds meanwhile ──────────────────────────────────────────────────────────────────────

  get isAnyInForce(): boolean {
    return this.#core.latch.isAnyInForce
  }

  /** The stop that holds for work of that run on a host with these labels, in words. */
  stopOf(place: { labels: Readonly<Record<string, string>>; run?: string }): string | undefined {
    const stop = this.#core.latch.stopping(place)
    return stop && stopText(stop.saying)
  }

  /** Why an assignment is not taken; `from` is who leads. */
  forbids(from: PeerId, run: string): Refused | undefined {
    // Asked for each assignment: nearly always there is nothing to look for.
    const stop = this.isAnyInForce ? this.stopOf({ labels: this.#parts.labels(), run }) : undefined
    if (stop !== undefined) return { code: 'estop', message: stop }
    if (this.hasHeardOf(from)) return undefined
    const message = 'it does not know yet whether an emergency stop is in force, and asks'
    return { code: 'estop', message }
  }

  /** One that has not said which stops it knows since it can be reached is asked: the word was lost. */
  hasHeardOf(peer: PeerId): boolean {
    if (this.#core.hasHeardOf(peer)) return true
    const now = this.#ports.clock.now()
    if (now < (this.#askedMs.get(peer) ?? -Infinity) + estopDriverLimits.askAgainMs) return false
    this.#askedMs.set(peer, now)
    this.#core.compareWith(peer, true)
    this.#drive()
    return false
  }

  #hear(from: PeerId, frame: EstopFrame): void {
    const { clock } = this.#ports
    if (frame.kind === 'words' && this.#forgeries.isToWait(from)) {
      return this.#refused.add('afterForgeries')
    }
    const wasHeardOf = this.#core.hasHeardOf(from)
    const calm = frame.kind === 'words' ? this.hurry() : () => {}
    this.#core.hear(from, frame, clock.now(), clock.wall())
    this.#drive()
    calm()
    if (wasHeardOf || !this.#core.hasHeardOf(from)) return
    this.#askedMs.delete(from)
    this.#parts.heardOf(from)
  }

  // ── Driving ───────────────────────────────────────────────────────────────────────────────────

  #newCore(records: readonly Uint8Array[]): EstopCore {
    const { self, trust, rules } = this.#parts
    return new EstopCore({ self, trust, rules }, records, this.#ports.clock.now())
  }

  /**
   * In the order of what cannot wait. Whatever is not needed to pass a stop on and to obey it takes
   * its share of the cores only when that is done: hosts that share some die the sooner for it.
   */
  #drive(): void {
    for (let ready = this.#core.takeReady(); ready; ready = this.#core.takeReady()) {
      const goOn = this.#obeying.still(ready.obey)
      for (const { to, frame } of ready.say) {
        if (to !== this.#parts.self) this.#links?.send(to, frame, { dialNow: true })
      }
      this.#takeUp(ready, goOn)
      for (const { from, why } of ready.refused) {
        this.#refused.add(why)
        this.#forgeries.refused(from, why)
        this.#tellOf(from, why)
      }
    }
    this.#arm()
  }

  #takeUp({ records, obey, publish }: EstopReady, goOn: () => void): void {
    const tellTopic = (): void => {
      const { network } = this.#ports
      for (const word of publish) network.publish(estopTopic, encode(StopWord, word))
    }
    const isTopicNeeded = obey.length === 0 || !this.#reachesAll()
    for (const [at, word] of obey.entries()) {
      this.#untold.set(word.id, () => {
        this.#changed(word)
        if (at === 0 && !isTopicNeeded) tellTopic()
      })
    }
    if (obey.length > 0) {
      void this.#obeying.keepAndObey(records, obey).then(() => {
        goOn()
        this.#drive()
      })
    }
    if (isTopicNeeded) tellTopic()
  }

  /** By streams of its own, as far as it knows. */
  #reachesAll(): boolean {
    const connected = new Set(this.#ports.network.connected())
    return this.#parts.alive().every((peer) => connected.has(peer))
  }

  #tellOf(from: PeerId | undefined, why: string): void {
    const nowMs = this.#ports.clock.now()
    if (this.#telling.waitMs(nowMs) > 0) return
    this.#telling.charge(1, nowMs)
    this.#parts.refused(from, why)
  }

  #changed(word: Obeyed): void {
    this.#log.warn(`an emergency stop was ${word.saying.act}d`, told(word))
    this.#parts.changed(word)
    for (const call of this.#followers) call(word)
  }

  #latched(word: Obeyed): void {
    const { clock } = this.#ports
    // Its end here tells of it as well.
    clock.after(estopDriverLimits.tellWaitMsMax, () => {
      this.#tell(word.id)
      if (this.#closed || this.#core.own(word.id)?.state !== 'latched') return
      this.#core.latched(word.id, clock.now())
      this.#drive()
    })
  }

  #done(word: Obeyed, killed: number): void {
    this.#tell(word.id)
    this.#core.done(word.id, killed, this.#ports.clock.now())
    const own = this.#core.own(word.id)
    if (own !== undefined) this.#parts.finished(word, own)
    this.#drive()
  }

  /** Whoever need not hear of it at once. */
  #tell(id: string): void {
    const tell = this.#untold.get(id)
    this.#untold.delete(id)
    if (!this.#closed) tell?.()
  }

  /** Only while there is something to tell is there a timer. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#links === undefined) return
    const { clock } = this.#ports
    const { compareMs, waitMsMin } = estopDriverLimits
    if (!this.#core.latch.isEmpty) {
      this.#comparing ??= clock.every(compareMs, () => this.#compare())
    }
    const dueMs = this.#core.nextDueMs()
    if (dueMs === undefined) return
    this.#timer = clock.after(Math.max(waitMsMin, dueMs - clock.now()), () => {
      this.#core.tick(clock.now())
      this.#drive()
    })
  }

  /** Whoever was away for a moment, or is new and not connected, may have missed something. */
  #compare(): void {
    const { clock } = this.#ports
    const peers = this.#parts.alive()
    const peer = pick(this.#entropy, peers)
    if (peer !== undefined) this.#core.compareWith(peer, false)
    const isOurs = this.#core.latch.words().some(({ id }) => this.#desk.has(id))
    if (isOurs) for (const other of peers) this.#core.alsoTell(other, clock.now())
    this.#drive()
  }
}

function told({ saying }: Obeyed): Record<string, string | number> {
  const { scope, epoch, reason } = saying
  return { scope: scopeText(scope), epoch, reason }
}
