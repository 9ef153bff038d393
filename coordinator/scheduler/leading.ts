/**
 * The scheduler core in the world, for one turn at leading: it is given what the ledger, the agents
 * and the gossip say, its turns are appended, and what follows from them is sent. Everything that is
 * decided is decided in `core/`.
 *
 * Invariant: nothing is sent that stands on an entry that is not applied. When an append does not
 * come back as applied, this object is done: whoever leads begins with a new one, from the ledger.
 */
import type { Agent } from '../../agent/agent.ts'
import { TokenBucket } from '../../agent/token-bucket.ts'
import { isInScope } from '../../protocol/estop/scope.ts'
import { stopText } from '../../protocol/estop/text.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { cursorAfterIndex, type LedgerEvent } from '../../protocol/ledger/events.ts'
import type { Appended, Leadership } from '../../protocol/ledger/ledger.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { AttemptReport } from '../../protocol/work/attempt.ts'
import type { HeldAttempt, Inventory } from '../../protocol/work/messages.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { keptBy } from '../../protocol/workflow/stage-set.ts'
import type { PlacementPolicy } from '../placement/policy.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import type { Effect } from './core/effects.ts'
import type { Turn } from './core/outbox.ts'
import { Scheduler } from './core/scheduler.ts'
import { Dispatch } from './dispatch.ts'
import { HostWatch } from './host-watch.ts'
import { KnownTimes } from './known-times.ts'
import { lateEvents, leadingLimits } from './limits.ts'
import { Predecessors } from './predecessors.ts'
import { tellLate } from './telling-late.ts'

export interface LeadingParts {
  readonly agent: Agent
  readonly leadership: Leadership
  readonly library: WorkflowLibrary
  readonly policy: PlacementPolicy
  readonly log: Log
}

export class Leading {
  readonly scheduler: Scheduler
  private readonly parts: LeadingParts
  private readonly times: KnownTimes
  private readonly dispatch: Dispatch
  private readonly hosts: HostWatch
  private readonly predecessors: Predecessors
  private readonly over = new AbortController()
  /** Appended, in order, and not settled. */
  private readonly inFlight: { readonly turn: Turn; outcome: Appended | undefined }[] = []
  /** What has come of an inventory so far, by host. */
  private readonly inventories = new Map<PeerId, { serial: number; held: HeldAttempt[] }>()
  private readonly lateTold: TokenBucket
  private timer: Timer | undefined
  private wakeAtMs = Number.POSITIVE_INFINITY
  private pumping = false
  private unfollowStops = () => {}
  /** Why it is done before the turn at leading is. */
  private onBroken: (why: string) => void = () => {}

  constructor(parts: LeadingParts) {
    const { agent, leadership, policy } = parts
    const { term } = leadership
    this.parts = parts
    const random = agent.ports.entropy.stream(`scheduler/${term}`)
    const { perSecond, burst } = lateEvents
    this.lateTold = new TokenBucket(perSecond, burst, this.now())
    this.times = new KnownTimes({
      clock: agent.ports.clock,
      log: parts.log,
      telling: agent.learning.telling,
    })
    this.scheduler = new Scheduler({
      term,
      policy,
      random,
      times: this.times,
      near: agent.ledger.id,
    })
    this.dispatch = new Dispatch(term, agent.ports.clock, (to, frame) =>
      agent.workWire.send(to, frame),
    )
    this.predecessors = new Predecessors({
      agent,
      log: parts.log,
      over: this.over.signal,
      found: (run) => {
        this.takeRun(agent.ledger.state, run)
        this.takeStops()
        this.pump()
      },
    })
    this.hosts = new HostWatch(agent, this.scheduler, {
      now: () => this.now(),
      changed: () => this.pump(),
    })
  }

  /** Everything of the ledger, then what happens. */
  begin(onBroken: (why: string) => void): void {
    const { agent, leadership } = this.parts
    this.onBroken = onBroken
    leadership.over.addEventListener('abort', this.end, { once: true })
    const { state } = agent.ledger
    this.hosts.begin()
    this.takeSignals(state)
    this.scheduler.shutGroups()
    this.takeRuns(state)
    this.scheduler.openGroups(this.now())
    this.takeStops()
    this.unfollowStops = agent.estop.follow(() => {
      this.takeStops()
      this.hosts.look()
    })
    agent.workWire.onAgent = (from, frame) => {
      if (frame.kind === 'reports') this.heard(from, frame.value.reports)
      else this.inventory(from, frame.value)
    }
    void this.follow(state.index)
    this.pump()
  }

  readonly end = (): void => {
    if (this.over.signal.aborted) return
    const { agent, leadership } = this.parts
    this.over.abort()
    leadership.over.removeEventListener('abort', this.end)
    this.timer?.cancel()
    this.unfollowStops()
    this.hosts.end()
    this.times.end()
    this.dispatch.end()
    agent.workWire.onAgent = undefined
  }

  private get done(): boolean {
    return this.over.signal.aborted
  }

  /** The time that rows of the ledger are written by. */
  private now(): number {
    return this.parts.agent.ledger.now()
  }

  private broken(why: string): void {
    if (this.done) return
    this.end()
    this.onBroken(why)
  }

  /** Has the scheduler know hosts as they are now, for those who ask it about them. */
  inform(): void {
    this.hosts.freshen()
    this.pump()
  }

  // ── What the ledger says ──────────────────────────────────────────────────────────────────────

  private takeSignals(state: LedgerState): void {
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = read(state, {
        kind: 'signalList',
        ...(after === undefined ? {} : { after }),
      }).value
      for (const signal of page.items) this.scheduler.signalled(signal, this.now())
      after = page.next
    }
  }

  private takeRuns(state: LedgerState): void {
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = read(state, {
        kind: 'runIdList',
        prefix: '',
        unended: true,
        ...(after === undefined ? {} : { after }),
      }).value
      for (const run of page.items) this.takeRun(state, run)
      after = page.next
    }
  }

  /** As the ledger has it now. */
  private takeRun(state: LedgerState, run: string): void {
    const { scheduler, parts } = this
    const view = wholeRun(state, { run, attempts: true })
    if (view === undefined) return scheduler.dropRun(run)
    const { workflow: hash } = view.spec
    const found = scheduler.knows(hash) ? undefined : parts.library.find(state, hash)
    if (found?.ok === false) {
      parts.log.error('a run cannot be scheduled', { run, why: found.why })
      return scheduler.expectRun(run, false)
    }
    const before = this.predecessors.of(state, view, () => this.keptBy(state, view))
    if (before === 'asked') return scheduler.expectRun(run, view.head.state !== 'queued')
    if (found !== undefined) this.times.expect(found.workflow)
    scheduler.addRun(view, found?.workflow, this.now(), before)
  }

  /** Emergency stops of hosts are for `HostWatch`; those of runs, and of all, end runs. */
  private takeStops(): void {
    for (const { saying } of this.parts.agent.estop.core.latch.inForce()) {
      const { scope } = saying
      if (scope.kind === 'label') continue
      const isMeant = (run: string): boolean => isInScope(scope, { labels: {}, run })
      this.scheduler.emergency(isMeant, stopText(saying), this.now())
    }
  }

  private keptBy(state: LedgerState, { spec: { retry, workflow } }: RunView): readonly string[] {
    if (retry?.kept === undefined) return retry?.keep ?? []
    const found = this.parts.library.find(state, workflow)
    return found.ok ? keptBy(retry, found.workflow) : []
  }

  private async follow(from: number): Promise<void> {
    const { agent } = this.parts
    const { signal } = this.over
    for await (const news of agent.ledger.watch(cursorAfterIndex(from), signal)) {
      if (this.done) return
      if (news.kind === 'stopped') return this.end()
      if (news.kind === 'gap') return this.broken('the ledger went on faster than it was followed')
      if (this.take(news.event)) this.pump()
    }
  }

  /** True when it was of interest. */
  private take({ change, timeMs }: LedgerEvent): boolean {
    const { scheduler, parts } = this
    const nowMs = this.now()
    switch (change.kind) {
      case 'runStarted':
        this.takeRun(parts.agent.ledger.state, change.run)
        this.takeStops()
        return true
      case 'runStopping':
        if (change.mode !== 'none') {
          scheduler.stopped(change.run, change.mode, change.reason, nowMs)
        }
        return true
      case 'voted':
        scheduler.voted(change, nowMs)
        return true
      case 'signalled':
        scheduler.signalled({ ...change, timeMs }, nowMs)
        return true
      case 'runArchived':
        scheduler.dropRun(change.run)
        return true
      case 'nodeLabelSet':
      case 'nodeLabelUnset':
      case 'nodeDrained':
      case 'nodeUndrained':
        this.hosts.look()
        return true
      default:
        return false
    }
  }

  // ── What agents say ───────────────────────────────────────────────────────────────────────────

  private heard(from: PeerId, reports: readonly AttemptReport[]): void {
    const nowMs = this.now()
    for (const report of reports) this.scheduler.report(from, report, nowMs)
    this.pump()
  }

  private inventory(from: PeerId, { term, serial, held, last }: Inventory): void {
    if (term !== this.parts.leadership.term) return
    const known = this.inventories.get(from)
    // The answer to an earlier question than the last one says nothing about now.
    if (!this.dispatch.isCurrent(from, serial)) return
    const so = known?.serial === serial ? known : { serial, held: [] }
    so.held.push(...held)
    this.inventories.set(from, so)
    if (!last) return
    this.inventories.delete(from)
    this.scheduler.inventory(from, so.held, this.now())
    this.pump()
  }

  // ── What follows ──────────────────────────────────────────────────────────────────────────────

  /** After anything was told to the scheduler: once for all that is told in one turn of the loop. */
  private pump(): void {
    if (this.pumping || this.done) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      if (this.done) return
      this.perform(this.scheduler.effects())
      this.advance()
    })
  }

  private advance(): void {
    const { ledger } = this.parts.agent
    if (this.scheduler.runCount > 0) this.hosts.freshen()
    for (;;) {
      const turn = this.scheduler.turn(this.now(), ledger.state.version)
      if (turn === undefined) break
      this.append(turn)
    }
    this.perform(this.scheduler.effects())
    this.arm()
  }

  private append(turn: Turn): void {
    const { agent } = this.parts
    const flight: (typeof this.inFlight)[number] = { turn, outcome: undefined }
    this.inFlight.push(flight)
    const options = { timeoutMs: leadingLimits.appendTimeoutMs, signal: this.over.signal }
    agent.ledger.append(turn.command, options).then(
      (outcome) => {
        flight.outcome = outcome
        this.settle()
      },
      (error: unknown) => this.broken(String(error)),
    )
  }

  /** In the order of the turns, whichever is told first. */
  private settle(): void {
    if (this.done) return
    const { term } = this.parts.leadership
    for (let first = this.inFlight[0]; first?.outcome !== undefined; first = this.inFlight[0]) {
      this.inFlight.shift()
      const { turn, outcome } = first
      if (outcome.kind !== 'applied') return this.broken(`an append came back as ${outcome.why}`)
      const { code, dropped = [] } = outcome.result
      if (code !== 'ok') return this.broken(`the ledger answered ${code}`)
      const fence = { term, index: outcome.index }
      this.perform(this.scheduler.settled(turn, fence, dropped, this.now()))
    }
    this.advance()
  }

  private perform(effects: readonly Effect[]): void {
    const { agent, library } = this.parts
    for (const effect of effects) {
      switch (effect.kind) {
        case 'findWorkflow': {
          const { state } = agent.ledger
          const { value } = read(state, { kind: 'workflowOfName', name: effect.name })
          const found = value && library.find(state, value.hash)
          const known =
            value && found?.ok ? { hash: value.hash, workflow: found.workflow } : undefined
          this.scheduler.workflowFound(effect.name, known, this.now())
          break
        }
        case 'late':
        case 'raced':
          this.tellLate(effect)
          break
        case 'findRun':
          this.findRun(effect.run)
          break
        case 'reload':
          this.takeRun(agent.ledger.state, effect.run)
          this.takeStops()
          break
        default:
          this.dispatch.add(effect)
      }
    }
    this.dispatch.send()
  }

  private tellLate(effect: Extract<Effect, { kind: 'late' | 'raced' }>): void {
    const { agent, log } = this.parts
    // Where all hangs, the journal has room for other news, and `runs explain` tells of each.
    if (!this.lateTold.take(1, this.now())) return
    tellLate(effect, this.nameOf, agent.journal, log)
  }

  private readonly nameOf = (node: string): string =>
    this.parts.agent.membership.nameOf(node as PeerId)

  private findRun(run: string): void {
    const { state } = this.parts.agent.ledger
    const view = wholeRun(state, { run })
    if (view === undefined) return this.scheduler.runFound(run, undefined, this.now())
    const { head, outputs } = view
    if (!isRunOver(head.state)) return this.takeRun(state, run)
    const { state: end, reason } = head
    this.scheduler.runFound(run, { state: end, outputs, reason }, this.now())
  }

  /** What is due is put off again and again: one that comes too early looks when to come again. */
  private arm(): void {
    const dueMs = this.scheduler.nextDueMs()
    if (dueMs === undefined || this.done) return
    const nowMs = this.now()
    // The ledger's time may have leapt over what the timer waits for.
    if (dueMs >= this.wakeAtMs && nowMs < this.wakeAtMs) return
    this.timer?.cancel()
    const { waitMsMin, waitMsMax } = leadingLimits
    const waitMs = Math.min(Math.max(dueMs - nowMs, waitMsMin), waitMsMax)
    this.wakeAtMs = nowMs + waitMs
    this.timer = this.parts.agent.ports.clock.after(waitMs, () => {
      this.wakeAtMs = Number.POSITIVE_INFINITY
      const stillMs = this.scheduler.nextDueMs()
      if (stillMs !== undefined && stillMs <= this.now()) this.pump()
      else this.arm()
    })
  }
}
