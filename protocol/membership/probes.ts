/**
 * Pings under way: our own, and those we relay for others. Says what is due when; whom to ping and
 * what an unanswered ping means is the core's business.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { Charge } from './charge.ts'
import { limits } from './limits.ts'

export interface Probe {
  readonly seq: number
  readonly target: PeerId
  /** When the first ping left: anything heard from the target since acquits it. */
  readonly beganMs: number
  /** What the waits are counted from; moved when we slept, or when waiting is pointless. */
  startedMs: number
  /** What Lifeguard's local health made of the waits when the probe began. */
  readonly stretch: number
  stage: 'first' | 'again' | 'indirect' | 'last'
  proxiesAsked: number
  nacks: number
  /** What others say against the target, and this node, which has heard it since, puts to it first. */
  readonly charges: Charge[]
}

/** A ping on behalf of another. */
interface Relay {
  readonly origin: PeerId
  readonly originSeq: number
  deadlineMs: number
}

export type DueStep = 'again' | 'indirect' | 'last' | 'failed'

const nextStage = { first: 'again', again: 'indirect', indirect: 'last' } as const

/** How long after the start each stage ends. */
const waitOf = {
  first: limits.pingAgainAfterMs,
  again: limits.directTimeoutMs,
  indirect: limits.lastTryMs,
  last: limits.probeTimeoutMs,
} as const satisfies Record<Probe['stage'], number>

export class Probes {
  private readonly probes = new Map<number, Probe>()
  private readonly relays = new Map<number, Relay>()
  private nextSeq: number

  constructor(firstSeq: number) {
    this.nextSeq = firstSeq
  }

  get full(): boolean {
    return this.probes.size >= limits.probesInFlightMax
  }

  of(target: PeerId): Probe | undefined {
    for (const probe of this.probes.values()) if (probe.target === target) return probe
    return undefined
  }

  start(target: PeerId, nowMs: number, stretch: number): Probe {
    const probe: Probe = {
      seq: this.nextSeq++,
      target,
      beganMs: nowMs,
      startedMs: nowMs,
      stretch,
      stage: 'first',
      proxiesAsked: 0,
      nacks: 0,
      charges: [],
    }
    this.probes.set(probe.seq, probe)
    return probe
  }

  /** Undefined when too many are relayed already: the origin has other proxies. */
  relay(origin: PeerId, originSeq: number, nowMs: number): number | undefined {
    if (this.relays.size >= limits.relaysMax) return undefined
    const seq = this.nextSeq++
    const waitMs = (limits.probeTimeoutMs - limits.directTimeoutMs) * limits.nackShare
    this.relays.set(seq, { origin, originSeq, deadlineMs: nowMs + waitMs })
    return seq
  }

  finish(seq: number): Probe | undefined {
    const probe = this.probes.get(seq)
    this.probes.delete(seq)
    return probe
  }

  finishRelay(seq: number): Relay | undefined {
    const relay = this.relays.get(seq)
    this.relays.delete(seq)
    return relay
  }

  nack(seq: number): void {
    const probe = this.probes.get(seq)
    if (probe) probe.nacks++
  }

  /** Takes the next probe for which something is due; a failed one is removed. */
  takeDue(nowMs: number): [Probe, DueStep] | undefined {
    for (const probe of this.probes.values()) {
      if (nowMs < this.dueMs(probe)) continue
      if (nowMs >= probe.startedMs + limits.probeTimeoutMs * probe.stretch) {
        this.probes.delete(probe.seq)
        return [probe, 'failed']
      }
      probe.stage = nextStage[probe.stage as keyof typeof nextStage]
      return [probe, probe.stage]
    }
    return undefined
  }

  /** The target cannot even be reached: do not wait for it before others are asked. */
  hasten(probe: Probe, nowMs: number): void {
    if (probe.stage === 'indirect' || probe.stage === 'last') return
    probe.stage = 'again'
    probe.startedMs = Math.min(probe.startedMs, nowMs - limits.directTimeoutMs * probe.stretch)
  }

  takeFailedRelays(nowMs: number): Relay[] {
    const failed: Relay[] = []
    for (const [seq, relay] of this.relays) {
      if (nowMs < relay.deadlineMs) continue
      this.relays.delete(seq)
      failed.push(relay)
    }
    return failed
  }

  /** It was we who slept: nobody had the time to answer us. */
  forgive(ms: number): void {
    for (const probe of this.probes.values()) probe.startedMs += ms
    for (const relay of this.relays.values()) relay.deadlineMs += ms
  }

  nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const probe of this.probes.values()) next = Math.min(next, this.dueMs(probe))
    for (const relay of this.relays.values()) next = Math.min(next, relay.deadlineMs)
    return next
  }

  private dueMs(probe: Probe): number {
    const waitMs = waitOf[probe.stage]
    return probe.startedMs + waitMs * probe.stretch
  }
}
