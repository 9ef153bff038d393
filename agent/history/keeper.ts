/**
 * Takes runs that have ended from this host's copy of the ledger into its history. It goes round
 * what the ledger holds, a bounded number of rows a second, and keeps what is not kept yet: new
 * ends, those of the time that this host was away, and those that a snapshot has brought are all
 * found by the same walk. A busy loop is left alone, and so is a host whose ledger goes on, until the
 * ledger fills with runs.
 *
 * Invariant: a run that `holds` says yes to is on disk and synced, or retention has had it.
 */

import { localLimits, stateLimits } from '../../protocol/ledger/limits.ts'
import { read } from '../../protocol/ledger/read.ts'
import { viewRun } from '../../protocol/ledger/read-run.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { messageOf } from '../../protocol/thrown.ts'
import type { ModuleHandle } from '../modules/module.ts'
import { keeperLimits, recordLimits } from './limits.ts'
import { PieceCutter } from './pieces.ts'
import { encodePart } from './record.ts'
import { Restraint } from './restraint.ts'
import type { Kept, RunStore } from './store.ts'

export interface KeeperParts {
  readonly clock: Clock
  readonly log: Log
  readonly store: RunStore
  readonly state: () => LedgerState
  readonly loopLagMs: () => number
  readonly handle: ModuleHandle
}

/** What needs no record, or has one. */
interface Past {
  readonly item?: undefined
  readonly endedMs: number
}

interface Held {
  readonly endedMs: number
  /** The round in which the ledger still had it. */
  round: number
}

const partLimits = {
  ...localLimits,
  runUnitsMax: recordLimits.unitsPerPart,
  runViewBytesMax: recordLimits.partBytes,
}

export class Keeper {
  readonly #parts: KeeperParts
  /** Runs that the ledger has, and the history as well. */
  readonly #held = new Map<string, Held>()
  readonly #restraint = new Restraint()
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #over = false
  #after: string | undefined
  /** In this step, out of the ledger. */
  #unitsTaken = 0
  #round = 0
  /** The entry that the ledger had come to when this round began. */
  #roundFrom = -1
  /** Nothing was left to keep as of this entry. */
  #quietAt = -1
  /** The state by which the last look found nothing to do: until there is another, nor does the next. */
  #restsBy: LedgerState | undefined
  #failing = false
  #restUntilMs = 0

  constructor(parts: KeeperParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#timer = this.#parts.clock.every(keeperLimits.lookMs, () => {
      if (this.#working !== undefined || this.#isAtRest()) return
      this.#working = this.#look().finally(() => {
        this.#working = undefined
      })
    })
  }

  async end(): Promise<void> {
    this.#over = true
    this.#timer?.cancel()
    await this.#working
  }

  holds(run: string): boolean {
    return this.#held.has(run)
  }

  /** Runs that the ledger still has, and when they ended. */
  *held(): Iterable<readonly [run: string, endedMs: number]> {
    for (const [run, { endedMs }] of this.#held) yield [run, endedMs]
  }

  get heldCount(): number {
    return this.#held.size
  }

  /** Nothing is to be kept, and nothing to be removed: what nearly every look finds. */
  #isAtRest(): boolean {
    const { clock, store, state } = this.#parts
    if (this.#over || clock.now() < this.#restUntilMs) return true
    const now = state()
    if (now === this.#restsBy) return true
    this.#restsBy = undefined
    if (this.#failing || store.isOverfull(now.timeMs)) return false
    const isEmpty = this.#held.size === 0 && this.#after === undefined && runsIn(now) === 0
    if (isEmpty && !this.#isBusy(now)) this.#quietAt = now.index
    if (now.index !== this.#quietAt) return false
    this.#restsBy = now
    return true
  }

  async #look(): Promise<void> {
    const { store, state } = this.#parts
    try {
      while (await store.retain(state().timeMs)) await this.#pause(keeperLimits.stepMs)
      await this.#walk()
      if (this.#failing) this.#recovered()
    } catch (error) {
      if (!this.#over) this.#failed(error)
    }
  }

  /** Some rows further, and everything of them that is not kept yet. */
  async #walk(): Promise<void> {
    const state = this.#parts.state()
    if (this.#isBusy(state) || state.index === this.#quietAt) return
    if (this.#after === undefined) {
      this.#round++
      this.#roundFrom = state.index
    }
    const { items, next } = read(state, {
      kind: 'runIdList',
      prefix: '',
      ended: true,
      limit: keeperLimits.rowsPerLook,
      ...(this.#after === undefined ? {} : { after: this.#after }),
    }).value
    const missing = items.filter((run) => !this.#isHeld(run))
    if (!(await this.#keep(missing))) return
    this.#after = next
    if (next !== undefined) return
    for (const [run, { round }] of this.#held) if (round < this.#round) this.#held.delete(run)
    this.#quietAt = this.#roundFrom
  }

  #isHeld(run: string): boolean {
    const held = this.#held.get(run)
    if (held !== undefined) held.round = this.#round
    return held !== undefined
  }

  /** False when it has stopped in between. What was kept so far is synced in any case. */
  async #keep(runs: readonly string[]): Promise<boolean> {
    const { store, state } = this.#parts
    const written: { run: string; endedMs: number }[] = []
    let at = 0
    while (at < runs.length) {
      const { runsPerStep, unitsPerStep, stepMs } = this.#pace(state())
      const stepEnd = Math.min(at + runsPerStep, runs.length)
      const kept: Kept[] = []
      this.#unitsTaken = 0
      while (at < stepEnd && this.#unitsTaken < unitsPerStep) {
        const run = runs[at++]!
        const known = await this.#take(run)
        if (known === undefined) continue
        if (known.item !== undefined) kept.push(known)
        written.push({ run, endedMs: known.endedMs })
      }
      if (kept.length > 0) await store.write(kept)
      if (written.length >= keeperLimits.unsyncedMax) await this.#sync(written)
      await this.#pause(stepMs)
      if (this.#over || this.#isBusy(state())) break
    }
    await this.#sync(written)
    return at >= runs.length
  }

  async #sync(written: { run: string; endedMs: number }[]): Promise<void> {
    if (written.length === 0) return
    await this.#parts.store.sync()
    for (const { run, endedMs } of written) this.#held.set(run, { endedMs, round: this.#round })
    written.length = 0
  }

  /**
   * All of one run, as of one state; of one that is here already, or that retention would remove at
   * once, its end. Undefined when it has just left the ledger.
   */
  async #take(run: string): Promise<Kept | Past | undefined> {
    const { store, state: stateOf } = this.#parts
    const state = stateOf()
    const cutter = new PieceCutter()
    let pieces: Uint8Array[] = []
    let piecesBefore = 0
    let first: RunView | undefined
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      // Of what is too large, attempts with the ends of their logs are what can be spared.
      const attempts = cutter.bytes < recordLimits.recordBytesMax
      const asked = { run, attempts, ...(after === undefined ? {} : { after }) }
      const view = viewRun(state, asked, partLimits)
      if (view === undefined) return undefined
      this.#unitsTaken += view.units.length
      const { endedMs = 0 } = view.head
      if (store.isPast(endedMs, state.timeMs)) return { endedMs }
      if (store.mayHaveFound(endedMs) && (await store.place(run)) !== undefined) return { endedMs }
      pieces.push(...cutter.push(encodePart(view.units, first === undefined ? view : undefined)))
      first ??= view
      after = view.next
      if (after === undefined) break
      if (pieces.length > 0) {
        await store.begin(run, piecesBefore, pieces)
        piecesBefore += pieces.length
        pieces = []
      }
      await this.#pause(keeperLimits.partMs)
      if (this.#over) return undefined
    }
    if (first === undefined) return undefined
    pieces.push(cutter.end())
    const { head, spec } = first
    const { workflow, labels } = spec
    return {
      item: { ...head, workflow, labels },
      endedMs: head.endedMs ?? 0,
      spec,
      pieces,
      piecesBefore,
      bytes: cutter.packedBytes,
      text: () => textOf(state, workflow),
    }
  }

  /** A host with better things to do is left alone, as long as the ledger has room for runs. */
  #isBusy(state: LedgerState): boolean {
    const { clock, loopLagMs } = this.#parts
    const standsBack = this.#restraint.standsBack(state.index, clock.now())
    return !this.#isPressed(state) && (standsBack || loopLagMs() > keeperLimits.lagMsMax)
  }

  #isPressed(state: LedgerState): boolean {
    return runsIn(state) > keeperLimits.pressedShare * stateLimits.runsMax
  }

  #pace(state: LedgerState): { runsPerStep: number; unitsPerStep: number; stepMs: number } {
    if (!this.#isPressed(state)) return keeperLimits
    const { pressedRunsPerStep, pressedUnitsPerStep, pressedStepMs } = keeperLimits
    return {
      runsPerStep: pressedRunsPerStep,
      unitsPerStep: pressedUnitsPerStep,
      stepMs: pressedStepMs,
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.after(delayMs, resolve)
    })
  }

  /** The runs stay in the ledger meanwhile, where nobody archives what too few keep. */
  #failed(error: unknown): void {
    const { clock, log, handle } = this.#parts
    const why = messageOf(error)
    this.#restUntilMs = clock.now() + keeperLimits.restMs
    this.#after = undefined
    if (this.#failing) return
    this.#failing = true
    log.warn('ended runs are not kept', { why })
    handle.degraded(`runs that end are not kept here: ${why}`)
  }

  #recovered(): void {
    this.#failing = false
    this.#parts.log.info('ended runs are kept again')
    this.#parts.handle.recovered()
  }
}

function runsIn(state: LedgerState): number {
  return read(state, { kind: 'runCount' }).value
}

function textOf(state: LedgerState, hash: string): Uint8Array[] | undefined {
  const text = read(state, { kind: 'workflowGet', hash }).value?.text
  if (text === undefined) return undefined
  const cutter = new PieceCutter()
  return [...cutter.push(new TextEncoder().encode(text)), cutter.end()]
}
