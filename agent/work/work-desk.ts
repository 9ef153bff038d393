/**
 * The desk of an agent: what a leader asks of it comes in here, and what came of it goes out. It is
 * the public face of this folder.
 *
 * Invariant: nobody is believed who does not lead by the ledger's word, nor whose term is older than
 * the highest that was heard of, in this life of the agent or an earlier one.
 */
import { assertNever } from '../../protocol/assert.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Assignment, Refused } from '../../protocol/work/attempt.ts'
import { type AttemptId, type Fence, sameFence, taskKey } from '../../protocol/work/fence.ts'
import type { Cancel, Committed, InventoryRequest, Keep } from '../../protocol/work/messages.ts'
import type { Executors } from './admission.ts'
import { type Held, isOver } from './held.ts'
import type { Fit } from './intake.ts'
import { inventoryFrames } from './inventory.ts'
import { LeaderWatch } from './leader.ts'
import type { LogPiece } from './logs/log-shelf.ts'
import {
  type DeskSettings,
  executorsOf,
  newSession,
  type Session,
  type WorkPorts,
} from './session.ts'
import { type Standing, Unproven } from './unproven.ts'
import type { FromLeader, WorkWire } from './wire.ts'

export class WorkDesk {
  readonly #ports: WorkPorts
  readonly #settings: DeskSettings
  readonly #wire: WorkWire
  readonly #log: Log
  readonly #executors: Executors
  readonly #unproven: Unproven
  #session: Session | undefined
  #stopping = false
  /** Frames of those who lead no longer, or never did, by the ledger's word. */
  #impostors = 0

  constructor(ports: WorkPorts, settings: DeskSettings, wire: WorkWire) {
    this.#log = ports.log.child('work')
    this.#ports = { ...ports, log: this.#log }
    this.#settings = settings
    this.#wire = wire
    this.#executors = executorsOf(ports, settings)
    this.#unproven = new Unproven(ports.clock, () => this.review())
  }

  /** Takes up what an earlier life has left, and then listens. */
  async start(): Promise<void> {
    this.#stopping = false
    const session = newSession(this.#ports, this.#settings, this.#executors, (to, frame) =>
      this.#wire.send(to, frame),
    )
    const left = await session.book.load()
    session.leader = new LeaderWatch(session.book.term)
    await session.shelf.load(new Set(left.map(({ name }) => name)))
    await session.execution.restore(left)
    this.#session = session
    this.#wire.onLeader = (from, frame) => this.#listen(session, from, frame)
    if (left.length > 0)
      this.#log.info('work of an earlier life taken up', { attempts: left.length })
  }

  /** Takes no more. Cells live on and are found again, unless the settings say that they end. */
  async stop(): Promise<void> {
    const session = this.#session
    this.#stopping = true
    if (!session) return
    await session.execution.close(this.#settings.killOnStop)
    this.#wire.onLeader = undefined
    this.#session = undefined
    this.#unproven.stop()
    session.reports.stop()
    session.shipping?.stop()
    session.shelf.stop()
    await session.notebook.idle()
  }

  /** The settings have changed: those that wait may begin, where more may at once. */
  retuned(): void {
    this.#session?.execution.admit()
  }

  /**
   * Ends what is meant, by an emergency stop: what has not begun never does, and what has is killed
   * unless it may run out. Resolves with how many were killed, when nothing of them is left.
   */
  halt(isMeant: (run: string) => boolean, reason: string, mode: 'kill' | 'drain'): Promise<number> {
    const execution = this.#session?.execution
    if (execution !== undefined) return execution.halt(isMeant, reason, mode)
    return mode === 'kill' ? this.#haltStrays(isMeant) : Promise.resolve(0)
  }

  /** While the desk is closed cells may live on. Nobody knows then which run they are of. */
  async #haltStrays(isMeant: (run: string) => boolean): Promise<number> {
    if (!isMeant('')) return 0
    const { cells } = this.#ports
    const inhabited = await cells.inhabited()
    await cells.killAll(inhabited)
    return inhabited.size
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────

  /** Attempts that are being started or run. */
  get running(): number {
    return this.#session?.turnstile.inside ?? 0
  }

  /** Attempts that wait for their turn. */
  get waiting(): number {
    return this.#session?.turnstile.waiting ?? 0
  }

  /** Results that no leader has called committed yet. */
  get uncommitted(): number {
    return this.#session?.reports.outboxSize ?? 0
  }

  get leader(): PeerId | undefined {
    return this.#session?.leader.peer
  }

  /** What was not taken, by reason, since the start. */
  refusals(): Readonly<Record<string, number>> {
    return {
      ...this.#wire.refusals(),
      staleTerm: this.#session?.leader.stale ?? 0,
      notTheLeader: this.#impostors + this.#unproven.dropped,
    }
  }

  /**
   * What an attempt wrote, from one of its bytes on; with `follow`, also what it is yet to write.
   * Undefined when this agent knows of no such log.
   */
  readLog(
    id: AttemptId,
    options: { from: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<LogPiece> | undefined {
    return this.#session?.shelf.read(id, options)
  }

  /** Whether there may come more of its log. */
  isWriting(id: AttemptId): boolean {
    return this.#session?.shelf.isOpen(id) ?? false
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────

  /** Somebody else's word on who leads: good until a leader speaks for itself. */
  leaderKnown(peer: PeerId, term: number): void {
    const session = this.#session
    if (!session) return
    this.review()
    const before = session.leader.term
    const other = session.leader.told(peer, term)
    if (session.leader.term > before) void session.book.termIs(term)
    if (other) session.reports.anew()
  }

  /** Only the ledger says who leads. What it does not know yet is kept until it does. */
  #listen(session: Session, from: PeerId, frame: FromLeader): void {
    this.review()
    // What one says stays in its order.
    const waits = this.#unproven.holds(from)
    const standing = waits ? 'unknown' : this.#standing(from, frame)
    // Who leads and has no room left here is answered: that nothing is known of stops yet.
    const isAnswered = standing === 'unheard' && this.#unproven.isFull
    if (standing === 'yes' || isAnswered) this.#hear(session, from, frame)
    else if (standing === 'no') this.#impostors++
    else this.#unproven.keep(from, frame)
  }

  #standing(from: PeerId, frame: FromLeader): Standing {
    const leading = this.#settings.leads(from, frame.value.term)
    if (leading !== 'yes' || frame.kind !== 'assign') return leading
    return this.#settings.hasToldOfStops?.(from) === false ? 'unheard' : 'yes'
  }

  /** Something is known that was not: what was kept for want of it may be heard now. */
  review(): void {
    const session = this.#session
    if (!session || this.#unproven.size === 0) return
    this.#unproven.review(
      (from, frame) => this.#standing(from, frame),
      (from, frame) => this.#hear(session, from, frame),
    )
  }

  #hear(session: Session, from: PeerId, frame: FromLeader): void {
    const before = session.leader.term
    const hearing = session.leader.hears(from, frame.value.term)
    if (hearing === 'refused') return
    // Written before whatever follows from the frame: all goes through one notebook, in order.
    const known =
      session.leader.term > before ? session.book.termIs(session.leader.term) : Promise.resolve()
    if (hearing === 'new') session.reports.anew()
    switch (frame.kind) {
      case 'assign':
        return this.#assign(session, from, frame.value.assignments)
      case 'cancel':
        return cancel(session, frame.value)
      case 'committed':
        return committed(session, frame.value)
      case 'keep':
        return void this.#keep(frame.value)
      case 'inventoryRequest':
        return void known.then(() => this.#tellInventory(session, from, frame.value))
      default:
        assertNever(frame)
    }
  }

  #assign(session: Session, from: PeerId, assignments: readonly Assignment[]): void {
    const { register, admission, intake } = session
    const fit: Fit[] = []
    const count = { ...intake.recording }
    const inFrame = new Map<string, Assignment>()
    for (const assignment of assignments) {
      const { id, fence } = assignment
      const known = register.find(id, fence)
      if (known) {
        sayAgain(session, known)
        continue
      }
      const task = taskKey(id)
      const earlier = inFrame.get(task)
      if (earlier && sameFence(earlier.fence, fence)) continue
      if (earlier || register.isPast(task, fence)) {
        refuse(session, id, fence, { code: 'stale', message: 'a later attempt is known here' })
        continue
      }
      const refusal = this.#stopping
        ? stopping
        : (this.#settings.forbidden?.(from, id.run) ?? admission.refusal(assignment, count))
      if (refusal) {
        refuse(session, id, fence, refusal)
        continue
      }
      inFrame.set(task, assignment)
      const end = this.#executors[assignment.step.kind]?.instantly?.(assignment)
      if (end === undefined) count.count++
      fit.push({ assignment, end })
    }
    if (fit.length > 0) intake.take(fit)
  }

  /** Of what is not here any more there is nothing to keep; whoever fetches it is told so. */
  async #keep({ run, manifests }: Keep): Promise<void> {
    try {
      for (const manifest of manifests) await this.#ports.artifacts.pin(run, manifest)
    } catch (error) {
      this.#log.warn('files are not kept for a run that needs them', { run, why: String(error) })
    }
  }

  #tellInventory(session: Session, to: PeerId, { term, serial }: InventoryRequest): void {
    // A later leader may have spoken while the term was written down.
    if (term < session.leader.term) return
    const now = this.#ports.clock.now()
    for (const value of inventoryFrames(session.register.all(), { term, serial }, now)) {
      this.#wire.send(to, { kind: 'inventory', value })
    }
  }
}

const stopping: Refused = { code: 'stopping', message: 'this agent is about to stop' }

/** The leader asks about what it has asked before: it has not heard the answer. */
function sayAgain({ reports }: Session, held: Held): void {
  if (held.stage === 'over') reports.sayResult(held)
  else if (held.stage === 'queued' || held.stage === 'begun') {
    reports.say(held.id, held.fence, { kind: 'accepted', value: { unenforced: [] } })
  }
}

function refuse(session: Session, id: AttemptId, fence: Fence, value: Refused): void {
  session.reports.say(id, fence, { kind: 'refused', value })
}

function cancel(session: Session, { attempts }: Cancel): void {
  for (const { id, fence, reason, atOnce } of attempts) {
    const held = session.register.find(id, fence)
    if (held && !isOver(held)) session.execution.stop(held, reason, atOnce)
    else if (held) sayAgain(session, held)
    else {
      // It may still be on its way: it is not to begin when it comes.
      session.register.pass(taskKey(id), fence)
      refuse(session, id, fence, { code: 'stale', message: 'there is no such attempt here' })
    }
  }
}

function committed(session: Session, { attempts }: Committed): void {
  for (const { id, fence } of attempts) {
    const held = session.register.find(id, fence)
    if (held) session.execution.committed(held)
    else session.register.pass(taskKey(id), fence)
  }
}
