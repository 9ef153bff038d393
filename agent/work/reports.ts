/**
 * What the leader is told, many reports to a frame, and told again where it is a result: until it
 * says that it has committed it. All else is said once; whoever wonders asks for the inventory. That
 * an attempt was taken is said a little later, and not at all of one that is over by then.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { AttemptNews, AttemptReport } from '../../protocol/work/attempt.ts'
import type { AttemptId, Fence } from '../../protocol/work/fence.ts'
import { workLimits } from '../../protocol/work/limits.ts'
import type { WorkFrame } from '../../protocol/work/messages.ts'
import { type Held, isOver } from './held.ts'
import { deskLimits } from './limits.ts'

/** Of a report without a result, at most: two names, a fence, and what is said. */
const SMALL_REPORT_BYTES = 512 + workLimits.errorMessageBytesMax

export interface ReportOutlets {
  /** Undefined while nobody is known to lead. */
  leader(): PeerId | undefined
  send(to: PeerId, frame: WorkFrame): void
}

export class Reports {
  readonly #clock: Clock
  readonly #entropy: Entropy
  readonly #outlets: ReportOutlets
  /** Results that are not committed, in the order in which they came. */
  readonly #outbox = new Set<Held>()
  #outboxBytes = 0
  #waiting: { report: AttemptReport; bytes: number }[] = []
  #leaving = false
  #timer: Timer | undefined
  /** Taken, and not said so yet. */
  #taken: Held[] = []
  #takenTimer: Timer | undefined

  constructor(ports: { clock: Clock; entropy: Entropy }, outlets: ReportOutlets) {
    this.#clock = ports.clock
    this.#entropy = ports.entropy.stream('work/reports')
    this.#outlets = outlets
  }

  get outboxSize(): number {
    return this.#outbox.size
  }

  /** No more results are to be made before some of these are committed. */
  get full(): boolean {
    const { outboxMax, outboxBytesMax } = deskLimits
    return this.#outbox.size >= outboxMax || this.#outboxBytes >= outboxBytesMax
  }

  say(id: AttemptId, fence: Fence, news: AttemptNews): void {
    this.#say({ id, fence, news }, SMALL_REPORT_BYTES)
  }

  /** What is over soon has its result for news, and costs the leader one report less. */
  sayTaken(held: Held): void {
    this.#taken.push(held)
    this.#takenTimer ??= this.#clock.after(deskLimits.takenWaitMs, () => {
      this.#takenTimer = undefined
      const taken = this.#taken
      this.#taken = []
      for (const each of taken) {
        if (isOver(each)) continue
        this.say(each.id, each.fence, { kind: 'accepted', value: { unenforced: [] } })
      }
    })
  }

  /** Now, and again until it is committed. */
  sayResult(held: Held): void {
    if (!this.#outbox.has(held)) {
      this.#outbox.add(held)
      this.#outboxBytes += held.finishedBytes
    }
    this.#timer ??= this.#clock.every(deskLimits.repeatLookMs, () => this.#repeat())
    this.#sayResult(held)
  }

  committed(held: Held): void {
    if (!this.#outbox.delete(held)) return
    this.#outboxBytes -= held.finishedBytes
  }

  /** Another leads: it has heard none of it. */
  anew(): void {
    for (const held of this.#outbox) {
      held.told = 0
      held.repeatAtMs = 0
    }
    this.#repeat()
  }

  stop(): void {
    this.#rest()
    this.#takenTimer?.cancel()
    this.#takenTimer = undefined
    this.#taken = []
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Most results are committed before anything is repeated: whether there is any is looked at then. */
  #repeat(): void {
    if (this.#outbox.size === 0) return this.#rest()
    const now = this.#clock.now()
    let left: number = deskLimits.repeatsPerLookMax
    let bytesLeft: number = deskLimits.repeatBytesPerLookMax
    for (const held of this.#outbox) {
      if (held.repeatAtMs > now) continue
      // To the end: where not all can be said again in time, all get their turn.
      this.#outbox.delete(held)
      this.#outbox.add(held)
      this.#sayResult(held)
      bytesLeft -= held.finishedBytes
      if (--left === 0 || bytesLeft <= 0) return
    }
  }

  #sayResult(held: Held): void {
    if (held.finished === undefined) return
    const { repeatFirstMs, repeatMostMs } = deskLimits
    const waitMs = Math.min(repeatMostMs, repeatFirstMs * 2 ** held.told)
    // Spread, so that agents do not speak in chorus after the leader was away.
    held.repeatAtMs = this.#clock.now() + waitMs * (0.75 + this.#entropy.unit() / 2)
    held.told++
    const { id, fence, finished } = held
    const news: AttemptNews = { kind: 'finished', value: finished }
    this.#say({ id, fence, news }, held.finishedBytes)
  }

  #say(report: AttemptReport, bytes: number): void {
    this.#waiting.push({ report, bytes })
    if (this.#leaving) return
    this.#leaving = true
    // What is said in one turn leaves together.
    queueMicrotask(() => {
      this.#leaving = false
      this.#leave()
    })
  }

  #leave(): void {
    const leader = this.#outlets.leader()
    const waiting = this.#waiting
    this.#waiting = []
    if (leader === undefined) return
    let reports: AttemptReport[] = []
    let sum = 0
    const send = (): void => this.#outlets.send(leader, { kind: 'reports', value: { reports } })
    for (const { report, bytes } of waiting) {
      const full = reports.length >= workLimits.reportsPerFrameMax
      if (reports.length > 0 && (full || sum + bytes > workLimits.frameItemsBytesMax)) {
        send()
        reports = []
        sum = 0
      }
      reports.push(report)
      sum += bytes
    }
    if (reports.length > 0) send()
  }
}
