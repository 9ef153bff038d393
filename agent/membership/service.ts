/**
 * Runs the membership core: hands it frames, time and what the network noticed, and sends, records
 * and logs what it answers. All decisions are the core's.
 */
import type { PeerId, Signer, Verify } from '../../protocol/identity/peer-id.ts'
import { Membership } from '../../protocol/membership/core.ts'
import type { Digest, LedgerRecord, LoadRecord, Profile } from '../../protocol/membership/digest.ts'
import { sealWith } from '../../protocol/membership/digest.ts'
import { limits } from '../../protocol/membership/limits.ts'
import { MembershipFrame } from '../../protocol/membership/messages.ts'
import type { MembershipEvent, PeerFault } from '../../protocol/membership/outbox.ts'
import type { MemberState } from '../../protocol/membership/roster.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Network, PeerConnectionEvent } from '../../protocol/ports/network.ts'
import { helloOf, WIRE_VERSION } from '../../protocol/wire/versions.ts'
import { linkLimits, linkQuotas } from '../links/limits.ts'
import { Links } from '../links/links.ts'
import { Tally } from '../tally.ts'
import { membershipPurpose } from '../trust/purposes.ts'
import { type MemberView, viewOf } from './view.ts'

export interface MembershipPorts {
  clock: Clock
  entropy: Entropy
  network: Network
  disk: Disk
  log: Log
}

export interface MembershipSettings {
  signer: Signer
  verify: Verify
  profile: Omit<Profile, 'owner' | 'incarnation'>
  /** Addresses of agents to ask for the others. */
  bootstrap: readonly string[]
  probeIntervalMs: number
  onEvent(event: MembershipEvent): void
}

/** Of another member, as it is held: for who looks often and keeps nothing of it. */
export interface Other {
  readonly id: PeerId
  readonly state: MemberState
  readonly digest: Digest
}

const INCARNATION_KEY = 'membership/incarnation'
/** While nobody is known, the bootstrap addresses are tried this often; with company, seldom. */
const LONELY_RETRY_MS = 500
const BOOTSTRAP_AGAIN_MS = 30_000
const DIAL_DEADLINE_MS = 5_000
/** Between two connections to one peer that are given up, for nothing came over them. */
const ANEW_WAIT_MS = 15_000
const ANEW_WAIT_MOST_MS = 600_000
/** Within which a timer that was put off is set anew: longer than a question waits for its answer. */
const SOON_MS = 120
const FAREWELL_DEADLINE_MS = 1_000
const FAREWELL_CHECK_MS = 20
/** Frames of membership are small; a repair is the largest. */
export const membershipFrameBytesMax = 256 * 1024
/**
 * Of one peer. Some come in a second; a thousand members are told of in a few dozen, which are 600 KiB.
 * A mebibyte takes 30 ms of a core, whatever is in it.
 */
const quotas = {
  ...linkQuotas,
  framesPerSecond: 50,
  framesBurst: 1_000,
  bytesPerSecond: 1024 * 1024,
  bytesBurst: 4 * 1024 * 1024,
  pauseMsMin: 100,
}

export class MembershipService {
  private readonly ports: MembershipPorts
  private readonly settings: MembershipSettings
  private readonly log: Log
  private core!: Membership
  private links!: Links<MembershipFrame>
  private wakeTimer: Timer | undefined
  private wakeTimerAtMs = Number.POSITIVE_INFINITY
  private bootstrapTimer: Timer | undefined
  private stopped = false
  private readonly refused = new Tally<PeerFault>()
  /** Peers to whom a connection was given up, and until when no other one is; not of those who are gone. */
  private readonly anew = new Map<PeerId, { readonly waitMs: number; readonly untilMs: number }>()

  constructor(ports: MembershipPorts, settings: MembershipSettings) {
    this.ports = ports
    this.settings = settings
    this.log = ports.log.child('membership')
  }

  async start(): Promise<void> {
    const { clock, entropy, disk } = this.ports
    const { signer, verify, profile, probeIntervalMs } = this.settings
    const incarnation = await nextIncarnation(disk)
    this.core = new Membership(
      {
        id: signer.id,
        seal: sealWith({ sign: (bytes) => signer.sign(bytes), verify }),
        profile,
        wireVersion: WIRE_VERSION,
        incarnation,
      },
      entropy.stream('membership'),
      clock.now(),
      { lifeguard: true, probeIntervalMs },
    )
    this.links = new Links<MembershipFrame>(this.ports, {
      purpose: membershipPurpose,
      frames: MembershipFrame,
      hello: helloOf(profile.agentVersion, profile.name),
      quotas,
      limits: { ...linkLimits, frameBytesMax: membershipFrameBytesMax },
      onMessage: (from, frame) => {
        if (this.stopped) return
        this.core.receive(from, frame, clock.now())
        this.flush()
      },
    })
    this.plan()
    this.findOthers()
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────

  get id(): PeerId {
    return this.settings.signer.id
  }

  get localHealth(): number {
    return this.core.health.score
  }

  get profile(): Profile {
    return this.core.profile
  }

  get incarnation(): number {
    return this.core.digest.incarnation
  }

  self(): MemberView {
    return {
      id: this.id,
      self: true,
      state: 'alive',
      stateAgeMs: 0,
      heardAgeMs: 0,
      incarnation: this.core.digest.incarnation,
      profile: this.core.profile,
      digest: this.core.digest,
      digestAgeMs: 0,
    }
  }

  /** Everyone known, this node first, then by name. */
  members(): MemberView[] {
    const nowMs = this.ports.clock.now()
    return [this.self(), ...[...this.core.roster.all()].map((member) => viewOf(member, nowMs))]
  }

  /** Everyone else that is known, and what each has said of itself last. */
  others(): Iterable<Other> {
    return this.core.roster.all()
  }

  nameOf(id: PeerId): string {
    const profile = id === this.id ? this.core.profile : this.core.roster.get(id)?.profile
    return profile?.name ?? id.slice(-8)
  }

  refusals(): Readonly<Record<string, number>> {
    return { ...this.links.refusals(), ...this.core.ignored, ...this.refused.counts() }
  }

  // ── Changing ──────────────────────────────────────────────────────────────────────────────────

  report(load: LoadRecord, runningAttempts: number): void {
    this.core.report(load, runningAttempts, this.ports.clock.now())
    this.plan()
  }

  reportLedger(ledger: LedgerRecord, urgent: boolean): void {
    this.core.reportLedger(ledger, urgent, this.ports.clock.now())
    this.flush()
  }

  retune(probeIntervalMs: number): void {
    this.core.retune(probeIntervalMs, this.ports.clock.now())
    this.plan()
  }

  describe(profile: Omit<Profile, 'owner' | 'incarnation'>): void {
    this.core.describe(profile, this.ports.clock.now())
    this.flush()
  }

  discovered(peer: PeerId, addresses: readonly string[]): void {
    if (peer === this.id || this.stopped) return
    this.ports.network.learn(peer, addresses)
    const known = this.core.roster.get(peer)
    if (known && known.slot >= 0) return
    this.core.greet(peer, this.ports.clock.now())
    this.flush()
  }

  connectionChanged({ peer, kind }: PeerConnectionEvent): void {
    if (this.stopped || !this.core) return
    if (kind === 'connected') this.links.resetBackoff(peer)
    else this.core.hint(peer, 'connectionLost', this.ports.clock.now())
    this.flush()
  }

  /** Tells the others that this node goes of its own will, and waits until some have heard. */
  async leave(): Promise<void> {
    const { clock } = this.ports
    this.core.leave(clock.now())
    this.flush()
    const wanted = Math.min(limits.farewellAcks, this.core.roster.standingMembers().length)
    const deadlineMs = clock.now() + FAREWELL_DEADLINE_MS
    while (this.core.farewells < wanted && clock.now() < deadlineMs) {
      await new Promise<void>((resolve) => clock.after(FAREWELL_CHECK_MS, resolve))
    }
  }

  stop(): void {
    this.stopped = true
    this.wakeTimer?.cancel()
    this.bootstrapTimer?.cancel()
    this.links.close()
  }

  // ── Driving the core ──────────────────────────────────────────────────────────────────────────

  private flush(): void {
    const { sends, events, faults, unheard } = this.core.takeOutput()
    for (const event of events) this.settings.onEvent(event)
    for (const event of events) this.react(event)
    for (const { to, frame } of sends) this.links.send(to, frame)
    for (const { peer, why } of faults) {
      this.refused.add(why)
      this.log.warn('peer sent a bad record', { peer, why })
      this.ports.network.ban(peer, linkLimits.banMs, why)
    }
    for (const peer of unheard) this.connectAnew(peer)
    this.plan()
  }

  /** Once soon, and then seldom: where the way itself is cut, a new connection comes to no more. */
  private connectAnew(peer: PeerId): void {
    const nowMs = this.ports.clock.now()
    const last = this.anew.get(peer)
    if (last !== undefined && nowMs < last.untilMs) return
    const isSoonAgain = last !== undefined && nowMs < last.untilMs + last.waitMs
    const waitMs = isSoonAgain ? Math.min(2 * last.waitMs, ANEW_WAIT_MOST_MS) : ANEW_WAIT_MS
    this.anew.set(peer, { waitMs, untilMs: nowMs + waitMs })
    this.log.warn('only others hear a peer: connecting anew', { peer, name: this.nameOf(peer) })
    this.ports.network.disconnect(peer)
  }

  private react(event: MembershipEvent): void {
    if (event.kind === 'profile') {
      const profile = this.core.roster.get(event.id)?.profile
      if (profile) this.ports.network.learn(event.id, profile.addresses)
    }
    if (event.kind === 'refuted') this.keepIncarnation(event.incarnation)
    if (event.kind === 'dead' || event.kind === 'left') {
      this.anew.delete(event.id)
      this.ports.network.disconnect(event.id)
    }
  }

  private keepIncarnation(incarnation: number): void {
    const write = writeIncarnation(this.ports.disk, incarnation, false)
    write.catch((error: unknown) => {
      // It is outrun again after a restart: the others tell us what they have seen.
      this.log.warn('incarnation not kept', { why: String(error) })
    })
  }

  /**
   * Most wake-ups are put off before they are due: a timer that comes too early plans anew. One that
   * would come soon and for nothing, since a question was answered, is set anew at once: to wake for
   * nothing costs more.
   */
  private plan(): void {
    const { wakeAtMs } = this.core
    const { clock } = this.ports
    const timerAtMs = this.wakeTimerAtMs
    // One that has left has nothing more to do, and waits for ever.
    if (this.stopped || wakeAtMs === timerAtMs || wakeAtMs === Number.POSITIVE_INFINITY) return
    if (wakeAtMs > timerAtMs && timerAtMs - clock.now() > SOON_MS) return
    this.wakeTimer?.cancel()
    this.wakeTimerAtMs = wakeAtMs
    this.wakeTimer = clock.after(Math.max(0, wakeAtMs - clock.now()), () => {
      this.wakeTimerAtMs = Number.POSITIVE_INFINITY
      const nowMs = clock.now()
      if (nowMs < this.core.wakeAtMs) return this.plan()
      this.core.wake(nowMs)
      this.flush()
    })
  }

  // ── Finding others ────────────────────────────────────────────────────────────────────────────

  private findOthers(): void {
    if (this.stopped) return
    const lonely = this.core.roster.meshSize === 1
    for (const address of this.settings.bootstrap) void this.introduce(address)
    const waitMs = lonely ? LONELY_RETRY_MS : BOOTSTRAP_AGAIN_MS
    this.bootstrapTimer = this.ports.clock.after(waitMs, () => this.findOthers())
  }

  private async introduce(address: string): Promise<void> {
    const deadline = new AbortController()
    const timer = this.ports.clock.after(DIAL_DEADLINE_MS, () => deadline.abort())
    try {
      const peer = await this.ports.network.dial(address, deadline.signal)
      const known = this.core.roster.get(peer)
      if (this.stopped || (known && known.slot >= 0)) return
      this.core.greet(peer, this.ports.clock.now())
      this.flush()
    } catch (error) {
      this.log.debug('bootstrap address did not answer', { address, why: String(error) })
    } finally {
      timer.cancel()
    }
  }
}

/** Higher than in every earlier life, and on disk before anybody hears of it. */
async function nextIncarnation(disk: Disk): Promise<number> {
  const stored = await disk.get(INCARNATION_KEY)
  const last = stored ? Number(new TextDecoder().decode(stored)) : 0
  await writeIncarnation(disk, last + 1, true)
  return last + 1
}

function writeIncarnation(disk: Disk, incarnation: number, durable: boolean): Promise<void> {
  const value = new TextEncoder().encode(String(incarnation))
  return disk.write([{ put: INCARNATION_KEY, value }], { durable })
}
