/**
 * Starts the parts of an agent in order, one at a time, watches them, starts again what fails, and
 * stops them the other way round.
 *
 * Whatever happens only changes what is wished or known of a part; one loop, the turn, then does
 * the next thing that is due until nothing is. So no two calls to parts ever overlap, except with
 * one that outlived its deadline, and such a part is left alone until that call returns.
 */
import { assert } from '../../protocol/assert.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { Bulletin } from './bulletin.ts'
import { type Ended, ending, type Waited, within } from './deadline.ts'
import { limits as defaultLimits, type ModuleLimits } from './limits.ts'
import type {
  ModuleEvent,
  ModuleHandle,
  ModuleOutcome,
  ModuleSpec,
  ModuleStatus,
} from './module.ts'
import { startOrder } from './order.ts'
import { fail, mayStart, mustStop, newPart, type Part, reasonOf } from './part.ts'

export interface ModuleGraphPorts {
  clock: Clock
  entropy: Entropy
  log: Log
}

export interface ModuleGraphOptions {
  /** Told of each change of state or reason, as it happens. */
  onChange(event: ModuleEvent): void
  limits?: ModuleLimits
}

export class ModuleGraph {
  private readonly clock: Clock
  private readonly entropy: Entropy
  private readonly log: Log
  private readonly bulletin: Bulletin
  private readonly limits: ModuleLimits
  /** In start order. */
  private readonly parts = new Map<string, Part>()
  private closing = false
  /** Set while a turn is under way; resolves when nothing is due any more. */
  private turning: PromiseWithResolvers<void> | undefined

  constructor(ports: ModuleGraphPorts, specs: readonly ModuleSpec[], options: ModuleGraphOptions) {
    this.clock = ports.clock
    this.entropy = ports.entropy.stream('modules')
    this.log = ports.log
    this.bulletin = new Bulletin(ports, options.onChange)
    this.limits = options.limits ?? defaultLimits
    for (const spec of startOrder(specs)) {
      const needs = new Set(
        spec.needs.flatMap((need) => {
          const part = this.parts.get(need)!
          return [part, ...part.upstream]
        }),
      )
      const upstream = [...this.parts.values()].filter((part) => needs.has(part))
      this.parts.set(spec.name, newPart(spec, upstream, this.clock.now()))
    }
  }

  /** Resolves when every part has had its turn; some may have failed, and will be tried again. */
  startAll(): Promise<void> {
    assert(!this.closing, 'a graph that was closed stays closed')
    for (const part of this.parts.values()) part.wish = 'run'
    return this.settled()
  }

  /** Resolves when every part has stopped, or has had its time to. Nothing starts afterwards. */
  stopAll(): Promise<void> {
    this.closing = true
    for (const part of this.parts.values()) this.unwish(part, 'closing')
    return this.settled()
  }

  /** Starts a part and what it needs, without the wait that a failure would have left. */
  async start(name: string): Promise<ModuleOutcome> {
    const part = this.parts.get(name)
    if (part === undefined) return this.unknown(name)
    if (this.closing) return { ok: false, code: 'closing', why: 'the agent is stopping' }
    for (const each of [...part.upstream, part]) {
      each.wish = 'run'
      this.forgetWait(each)
    }
    await this.settled()
    if (part.running) return { ok: true }
    return { ok: false, code: 'failed', why: part.shown.why ?? 'it was stopped meanwhile' }
  }

  /** Stops a part. What needs it goes on without, as well as it can. */
  async stop(name: string): Promise<ModuleOutcome> {
    const part = this.parts.get(name)
    if (part === undefined) return this.unknown(name)
    if (this.closing) return { ok: false, code: 'closing', why: 'the agent is stopping' }
    this.unwish(part, 'stoppedByHand')
    await this.settled()
    if (part.failure === undefined) return { ok: true }
    return { ok: false, code: 'failed', why: part.failure.why }
  }

  /** In start order. */
  states(): ModuleStatus[] {
    return [...this.parts.values()].map(({ spec, shown, shownSinceMs, restarts }) => ({
      name: spec.name,
      priority: spec.priority,
      needs: [...spec.needs],
      state: shown.state,
      stateAgeMs: this.clock.now() - shownSinceMs,
      restarts,
      ...(shown.why === undefined ? {} : { why: shown.why }),
    }))
  }

  private unknown(name: string): ModuleOutcome {
    const known = [...this.parts.keys()].join(', ')
    return { ok: false, code: 'unknown', why: `there is no module ${name}; there are ${known}` }
  }

  private unwish(part: Part, wish: 'stoppedByHand' | 'closing'): void {
    part.wish = wish
    this.forgetWait(part)
    part.abort?.abort(new Error('told to stop'))
    if (!part.dirty) part.failure = undefined
  }

  private forgetWait(part: Part): void {
    part.retry?.cancel()
    part.retry = undefined
    part.failuresInRow = 0
  }

  /** Takes up what has become due. Resolves when nothing is. */
  private settled(): Promise<void> {
    this.bulletin.publish(this.parts.values())
    if (this.turning === undefined) {
      this.turning = Promise.withResolvers<void>()
      void this.turn(this.turning)
    }
    return this.turning.promise
  }

  private async turn(turning: PromiseWithResolvers<void>): Promise<void> {
    // Not within whatever reported: a part that says it has failed is not stopped mid-sentence.
    await Promise.resolve()
    for (;;) {
      const parts = [...this.parts.values()]
      const due = parts.findLast(mustStop)
      const next = due ?? parts.find(mayStart)
      if (next === undefined) break
      await (next === due ? this.end(next) : this.begin(next))
      this.bulletin.publish(this.parts.values())
    }
    this.turning = undefined
    turning.resolve()
  }

  private async begin(part: Part): Promise<void> {
    const { startDeadlineMs, stopDeadlineMs } = this.limits
    const abort = new AbortController()
    if (part.failure !== undefined) part.restarts += 1
    part.attempt += 1
    part.dirty = true
    part.failure = undefined
    part.abort = abort
    const handle = this.handleOf(part)
    const call = this.call(part, 'start', () => part.spec.start(abort.signal, handle))
    let waited = await within(this.clock, call, startDeadlineMs, abort.signal)
    if (waited.kind === 'late') {
      fail(part, `it did not start within ${startDeadlineMs} ms`)
      abort.abort(new Error('the time to start is over'))
    }
    // Told to give up, a part has a moment to do so.
    if (abort.signal.aborted) waited = await within(this.clock, call, stopDeadlineMs)
    part.abort = undefined
    if (waited.kind === 'late') {
      fail(part, 'it does not give up its start: restart the agent if this lasts')
      void call.then(() => this.settled())
      return
    }
    // A start that was told to give up does not count, however it ended: half a part may be left.
    if (abort.signal.aborted) return
    if (waited.kind === 'threw') {
      fail(part, reasonOf(waited.error), waited.error)
    } else {
      part.running = true
      part.runningSinceMs = this.clock.now()
    }
  }

  private async end(part: Part): Promise<void> {
    const { stopDeadlineMs } = this.limits
    part.running = false
    const call = this.call(part, 'stop', () => part.spec.stop())
    const waited = await within(this.clock, call, stopDeadlineMs)
    if (waited.kind === 'late') {
      fail(part, `it did not stop within ${stopDeadlineMs} ms`)
      void call.then((ended) => {
        this.cleaned(part, ended)
        void this.settled()
      })
    } else {
      this.cleaned(part, waited)
    }
  }

  /** `stop` has returned: nothing is left of the last attempt but the reason why it ended. */
  private cleaned(part: Part, ended: Waited): void {
    part.dirty = false
    part.ownTrouble = undefined
    if (ended.kind === 'threw') {
      const why = `it did not stop cleanly: ${reasonOf(ended.error)}`
      this.log.warn('module stopped badly', { module: part.spec.name, why })
      if (part.wish !== 'run' || part.failure === undefined) fail(part, why, ended.error)
    } else if (part.wish !== 'run') {
      part.failure = undefined
    }
    if (part.wish === 'run' && part.failure !== undefined) this.retryLater(part)
  }

  private retryLater(part: Part): void {
    const { restartFirstMs, restartMostMs, restartJitter } = this.limits
    const fullMs = Math.min(restartMostMs, restartFirstMs * 2 ** part.failuresInRow)
    const waitMs = Math.ceil(fullMs * (1 - restartJitter * this.entropy.unit()))
    part.failuresInRow += 1
    part.retry = this.clock.after(waitMs, () => {
      part.retry = undefined
      void this.settled()
    })
    const { failuresInRow } = part
    this.log.info('module restarts later', { module: part.spec.name, waitMs, failuresInRow })
  }

  private async call(
    part: Part,
    kind: 'start' | 'stop',
    callee: () => Promise<void> | void,
  ): Promise<Ended> {
    part.call = kind
    this.bulletin.publish(this.parts.values())
    const ended = await ending(callee)
    part.call = undefined
    return ended
  }

  private handleOf(part: Part): ModuleHandle {
    const { attempt } = part
    /** Runs, or is about to, in the life that the handle was made for. */
    const listened = () =>
      part.attempt === attempt && part.failure === undefined && part.dirty && part.call !== 'stop'
    const say = (trouble: string | undefined) => {
      if (!listened()) return
      part.ownTrouble = trouble
      this.bulletin.publish(this.parts.values())
    }
    return {
      degraded: (why) => say(why),
      recovered: () => say(undefined),
      failed: (why, cause) => {
        if (!listened()) return
        this.failRunning(part, why, cause)
        part.abort?.abort(new Error('it said that it has failed'))
        void this.settled()
      },
    }
  }

  private failRunning(part: Part, why: string, cause?: unknown): void {
    const ranMs = this.clock.now() - part.runningSinceMs
    if (part.running && ranMs >= this.limits.steadyAfterMs) part.failuresInRow = 0
    fail(part, why, cause)
  }
}
