/**
 * One trial of the membership core: members join, then hosts pause and die for a while, and what
 * each member said of each other is judged by what really happened.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { isStanding } from '../../protocol/membership/roster.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { below } from '../../protocol/ports/entropy.ts'
import { SeededEntropy } from '../world/entropy.ts'
import type { FieldHost } from './field.ts'
import { Field } from './field.ts'

export interface TrialOptions {
  seed: string | number
  nodes: number
  minutes: number
  loss: number
  /** Share of the hosts that are paused at any time. */
  paused: number
  lifeguard: boolean
  probeIntervalMs: number
  onProgress?: (virtualMs: number) => void
}

export interface TrialResult {
  lifeguard: boolean
  virtualMs: number
  deaths: number
  /** For each death, milliseconds until 99.9% of the running members knew. */
  knownMs: number[]
  /** Deaths that were not known to 99.9% when the trial ended or the host was back. */
  unknown: number
  pauses: number
  /** Members that came to suspect a host that had been running for `HEALTHY_AFTER_MS`. */
  falseSuspicions: number
  /** Of these, the ones who found it out themselves; the others believed them. */
  falseAccusations: number
  /** Hosts called dead by anyone while they had been running for `HEALTHY_AFTER_MS`. */
  falseDeaths: number
  bytesPerNodePerSecond: number
  framesPerNodePerSecond: number
  framesTotal: number
  /** Whether everyone knew everyone when the faults began, and when that was. */
  converged: boolean
  settledMs: number
}

/** A host that has run for this long is healthy: whoever accuses it is wrong. */
export const HEALTHY_AFTER_MS = 2_000
export const KNOWN_SHARE = 0.999
const JOIN_OVER_MS = 20_000
const SETTLE_MS = 10_000
/** Faults begin at this time at the latest: anti-entropy is slow in large meshes. */
const SETTLED_BY_MS = 300_000
const PAUSE_MEAN_MS = 5_000
const PAUSE_MAX_MS = 30_000
const DEATH_EVERY_MS = 15_000
const REBOOT_AFTER_MS = 60_000
const CHECK_EVERY_MS = 50

interface Death {
  host: FieldHost
  atMs: number
}

export function runTrial(options: TrialOptions): TrialResult {
  return new Trial(options).run()
}

class Trial {
  private readonly options: TrialOptions
  private readonly field: Field
  private readonly chance: Entropy
  private readonly result: TrialResult
  private open: Death[] = []
  private judging = false
  private readonly hostOf = new Map<PeerId, FieldHost>()

  constructor(options: TrialOptions) {
    this.options = options
    this.field = new Field(options)
    this.chance = new SeededEntropy(options.seed).stream('faults')
    for (const host of this.field.hosts) this.hostOf.set(host.id, host)
    this.result = {
      lifeguard: options.lifeguard,
      virtualMs: options.minutes * 60_000,
      deaths: 0,
      knownMs: [],
      unknown: 0,
      pauses: 0,
      falseSuspicions: 0,
      falseAccusations: 0,
      falseDeaths: 0,
      bytesPerNodePerSecond: 0,
      framesPerNodePerSecond: 0,
      framesTotal: 0,
      converged: false,
      settledMs: 0,
    }
    this.watch()
  }

  run(): TrialResult {
    const { field, options, result } = this
    field.startAll(JOIN_OVER_MS)
    this.advance(JOIN_OVER_MS + SETTLE_MS)
    while (!this.isSettled() && field.nowMs < SETTLED_BY_MS) this.advance(SETTLE_MS)
    result.settledMs = field.nowMs
    result.converged = this.isSettled()
    field.forgetTraffic()
    this.judging = true
    this.scheduleFaults(result.virtualMs)
    this.advance(result.virtualMs)
    this.judging = false
    result.unknown += this.open.length
    const bytes = field.framesSent * field.bytesPerFrame()
    const nodeSeconds = options.nodes * (result.virtualMs / 1_000)
    result.framesTotal = field.framesSent
    result.framesPerNodePerSecond = field.framesSent / nodeSeconds
    result.bytesPerNodePerSecond = bytes / nodeSeconds
    return result
  }

  /** Everyone knows everyone. */
  private isSettled(): boolean {
    return this.field.hosts.every(({ core }) => core.roster.meshSize === this.options.nodes)
  }

  private advance(ms: number): void {
    const { scheduler } = this.field
    const untilMs = scheduler.nowMs + ms
    const stepMs = 10_000
    while (scheduler.nowMs < untilMs) {
      scheduler.runSync(Math.min(untilMs, scheduler.nowMs + stepMs))
      this.options.onProgress?.(scheduler.nowMs)
    }
  }

  private watch(): void {
    this.field.observe = (observer, event) => {
      if (!this.judging || (event.kind !== 'suspect' && event.kind !== 'dead')) return
      const accused = this.hostOf.get(event.id) as FieldHost
      const healthy =
        accused.state === 'up' && this.field.nowMs - accused.upSinceMs >= HEALTHY_AFTER_MS
      if (!healthy) return
      if (event.kind === 'dead') {
        this.result.falseDeaths++
        return
      }
      this.result.falseSuspicions++
      if (event.by === observer.id) this.result.falseAccusations++
    }
  }

  private scheduleFaults(forMs: number): void {
    const { scheduler } = this.field
    const endMs = scheduler.nowMs + forMs
    const pauseEveryMs = PAUSE_MEAN_MS / Math.max(1e-9, this.options.paused * this.options.nodes)
    this.repeat(
      endMs,
      () => -Math.log(1 - this.chance.unit()) * pauseEveryMs,
      () => this.pauseOne(),
    )
    // The last deaths leave time to be known.
    this.repeat(
      endMs - 10_000,
      () => DEATH_EVERY_MS,
      () => this.killOne(),
    )
    this.repeat(
      endMs,
      () => CHECK_EVERY_MS,
      () => this.checkDeaths(),
    )
  }

  private repeat(endMs: number, nextMs: () => number, act: () => void): void {
    const { scheduler } = this.field
    const again = () => {
      const atMs = scheduler.nowMs + nextMs()
      if (atMs >= endMs) return
      scheduler.at(atMs, () => {
        act()
        again()
      })
    }
    again()
  }

  private pauseOne(): void {
    const { field } = this
    const host = field.hosts[below(this.chance, field.hosts.length)] as FieldHost
    const ms = Math.min(PAUSE_MAX_MS, -Math.log(1 - this.chance.unit()) * PAUSE_MEAN_MS)
    if (host.state !== 'up') return
    this.result.pauses++
    field.pause(host)
    field.scheduler.at(field.nowMs + ms, () => field.resume(host))
  }

  private killOne(): void {
    const { field } = this
    const host = field.hosts[below(this.chance, field.hosts.length)] as FieldHost
    if (host.state !== 'up') return
    this.result.deaths++
    field.crash(host)
    this.open.push({ host, atMs: field.nowMs })
    field.scheduler.at(field.nowMs + REBOOT_AFTER_MS, () => {
      const missed = this.open.findIndex((death) => death.host === host)
      if (missed >= 0) {
        this.open.splice(missed, 1)
        this.result.unknown++
      }
      field.boot(host)
    })
  }

  private checkDeaths(): void {
    const { field } = this
    this.open = this.open.filter(({ host, atMs }) => {
      let running = 0
      let believe = 0
      for (const other of field.hosts) {
        if (other.state !== 'up' || other.upSinceMs > atMs) continue
        running++
        const member = other.core.roster.get(host.id)
        if (member && isStanding(member.state)) believe++
      }
      if (believe > (1 - KNOWN_SHARE) * running) return true
      this.result.knownMs.push(field.nowMs - atMs)
      return false
    })
  }
}
