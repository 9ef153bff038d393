/**
 * The emergency stop of this host, driven: words come in from people and from peers, are written
 * down, obeyed, passed on and answered for. It needs no leader, no quorum and no gateway, and its
 * streams are its own, so that it waits behind nothing.
 *
 * Invariant: what is in force is on the disk before anything is killed, where the disk takes it soon;
 * and from the moment that it is heard, nothing in its scope begins here.
 */
import type { OwnAnswer } from '../../protocol/estop/answers.ts'
import { EstopCore, type Heard, type Obeyed } from '../../protocol/estop/core.ts'
import type { Rules } from '../../protocol/estop/judge.ts'
import { estopLimits, estopTopic } from '../../protocol/estop/limits.ts'
import { EstopFrame } from '../../protocol/estop/messages.ts'
import { isInScope, scopeText } from '../../protocol/estop/scope.ts'
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
import { Forgeries } from './forgeries.ts'
import { estopDriverLimits, estopLinkLimits, estopLinkQuotas } from './limits.ts'
import { LatchStore } from './store.ts'

export interface EstopPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  disk: Disk
  log: Log
}

export interface EstopParts {
  self: PeerId
  hello: Hello
  trust: Trust
  rules: Rules
  labels(): Readonly<Record<string, string>>
  /** Ends what is meant here, and says how many were killed when nothing of them is left. */
  halt(isMeant: (run: string) => boolean, reason: string, mode: 'kill' | 'drain'): Promise<number>
  /** Holds still all that runs here, until what is returned is called. */
  still(): () => void
  /** Peers that are alive as far as is known, connected or not. */
  alive(): readonly PeerId[]
  /** Something is in force, or is not any more: said before it is on the disk. */
  changed(word: Obeyed): void
  /** All of it is gone here. */
  finished(word: Obeyed, own: OwnAnswer): void
  /** Counted, and told to people. */
  refused(from: PeerId | undefined, why: string): void
}

export class EmergencyStop {
  readonly #ports: EstopPorts
  readonly #parts: EstopParts
  readonly #log: Log
  readonly #store: LatchStore
  readonly #entropy: Entropy
  readonly #refused = new Tally<string>()
  readonly #telling: TokenBucket
  readonly #forgeries: Forgeries
  #core: EstopCore
  #links: Links<EstopFrame> | undefined
  #timer: Timer | undefined
  #comparing: Timer | undefined
  readonly #followers = new Set<(word: Obeyed) => void>()
  /** One after the other, in the order in which they were heard. */
  #writing: Promise<void> = Promise.resolve()
  /** Words that were raised or released at this host: it tells all, not only who is connected. */
  readonly #desk = new Set<string>()

  constructor(ports: EstopPorts, parts: EstopParts) {
    this.#ports = ports
    this.#parts = parts
    this.#log = ports.log.child('estop')
    this.#store = new LatchStore(ports.disk, this.#log)
    this.#entropy = ports.entropy.stream('estop')
    this.#forgeries = new Forgeries(ports.clock)
    const most = estopDriverLimits.refusalsToldPerMinute
    this.#telling = new TokenBucket(most / 60, most, ports.clock.now())
    this.#core = this.#newCore([])
  }

  /** Before anything else of the agent: from here on, what an earlier life has latched holds. */
  async load(): Promise<void> {
    this.#core = this.#newCore(await this.#store.load())
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
      purpose: '/skein/estop/1',
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
    for (const word of this.#core.leftInForce()) this.#obey(word)
  }

  close(): void {
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
    } else this.#core.disconnected(peer)
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

  /** Called with each word when it is heard. Returns what ends that. */
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
    if (this.#core.hasHeardOf(from)) return undefined
    // It has just begun, or has lost the way: before it takes anything it asks.
    this.#core.compareWith(from, true)
    this.#drive()
    const message = 'it does not know yet whether an emergency stop is in force, and asks'
    return { code: 'estop', message }
  }

  #hear(from: PeerId, frame: EstopFrame): void {
    const { clock } = this.#ports
    if (frame.kind === 'words' && this.#forgeries.isToWait(from)) {
      return this.#refused.add('afterForgeries')
    }
    this.#core.hear(from, frame, clock.now(), clock.wall())
    this.#drive()
  }

  // ── Driving ───────────────────────────────────────────────────────────────────────────────────

  #newCore(records: readonly Uint8Array[]): EstopCore {
    const { self, trust, rules } = this.#parts
    return new EstopCore({ self, trust, rules }, records, this.#ports.clock.now())
  }

  #drive(): void {
    for (let ready = this.#core.takeReady(); ready; ready = this.#core.takeReady()) {
      for (const { to, frame } of ready.say) {
        if (to !== this.#parts.self) this.#links?.send(to, frame, { dialNow: true })
      }
      for (const { from, why } of ready.refused) {
        this.#refused.add(why)
        this.#forgeries.refused(from, why)
        this.#tellOf(from, why)
      }
      for (const word of ready.obey) this.#changed(word)
      if (ready.records.length > 0) this.#write(ready.records, ready.obey)
      for (const word of ready.publish)
        this.#ports.network.publish(estopTopic, encode(StopWord, word))
    }
    this.#arm()
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

  #write(records: { scope: string; record: Uint8Array }[], obey: readonly Obeyed[]): void {
    // What is to die takes no cores from the writing, and starts nothing meanwhile.
    const goOn = obey.some((word) => this.#killsAll(word)) ? this.#parts.still() : undefined
    const kept = this.#store.keep(records)
    void kept.then((isKept) => {
      if (!isKept) this.#writeAgain(records.map(({ scope }) => scope))
    })
    // On the disk or not, it is obeyed: a disk that is full, or hangs, keeps nothing running.
    this.#writing = Promise.all([this.#patiently(kept), this.#writing])
      .then(() => {
        for (const word of obey) {
          this.#core.latched(word.id, this.#ports.clock.now())
          this.#obey(word)
        }
        this.#drive()
      })
      .finally(() => goOn?.())
  }

  #killsAll({ saying }: Obeyed): boolean {
    if (saying.act === 'release' || saying.mode !== 'kill' || saying.scope.kind === 'run')
      return false
    return isInScope(saying.scope, { labels: this.#parts.labels() })
  }

  #patiently(kept: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#ports.clock.after(estopDriverLimits.latchWaitMsMax, () => {
        this.#log.error('the emergency stop is not written down yet, and obeyed all the same')
        resolve()
      })
      void kept.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #writeAgain(scopes: readonly string[]): void {
    this.#ports.clock.after(estopDriverLimits.writeAgainMs, () => {
      const records = scopes.flatMap((scope) => {
        const record = this.#core.latch.recordOf(scope)
        return record === undefined ? [] : [{ scope, record }]
      })
      void this.#store.keep(records).then((isKept) => {
        if (!isKept) this.#writeAgain(scopes)
      })
    })
  }

  #obey(word: Obeyed): void {
    const { id, saying } = word
    if (saying.act === 'release') return this.#finish(word, 0)
    const { scope } = saying
    const isMeant = (run: string): boolean =>
      isInScope(scope, { labels: this.#parts.labels(), run })
    this.#parts.halt(isMeant, stopText(saying), saying.mode).then(
      (killed) => this.#finish(word, killed),
      (error: unknown) => this.#log.error('not stopped', { word: id, why: String(error) }),
    )
  }

  #finish(word: Obeyed, killed: number): void {
    this.#core.done(word.id, killed, this.#ports.clock.now())
    const own = this.#core.own(word.id)
    if (own !== undefined) this.#parts.finished(word, own)
    this.#drive()
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
