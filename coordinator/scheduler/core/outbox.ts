/**
 * What is on its way to the ledger, in order. Transitions are counted as they are emitted; turns are
 * cut from the front, within limits, and come back in the same order when they are applied. What is
 * to be done in the world waits for that.
 */
import { assert } from '../../../protocol/assert.ts'
import type { Command } from '../../../protocol/ledger/catalogue.ts'
import type { AnyTransition, WorkWave } from '../../../protocol/ledger/commands/work-transitions.ts'
import type { Dropped } from '../../../protocol/ledger/result.ts'
import type { Fence } from '../../../protocol/work/fence.ts'
import type { Effect } from './effects.ts'
import { schedulerLimits } from './limits.ts'
import type { Run } from './run.ts'
import { inWaves, isOfRace, plainly, type Told, WAVES_SINCE } from './waves.ts'

/** Made when its transition is applied, with the place of the entry. */
export type Consequence = (place: Fence) => Effect | undefined

export interface Item {
  readonly number: number
  readonly run: Run
  readonly transition: AnyTransition | undefined
  readonly bytes: number
  readonly then: Consequence | undefined
}

export type TurnCommand = Extract<Command, { kind: 'workAdvance' | 'workWave' | 'workRace' }>

/** Transitions for one entry of the ledger. Give it back to `settled` when that is applied. */
export interface Turn {
  readonly command: TurnCommand
  /** In the order of the transitions, one for each stage of those that are told together. */
  readonly items: readonly Item[]
  /** What waits for the turn and is no transition. */
  readonly beside: readonly Item[]
  readonly last: number
}

/** About what the envelope of a transition takes. */
const envelopeBytes = 96

export class Outbox {
  private waiting: Item[] = []
  private from = 0
  private count = 0
  private readonly inFlight: Turn[] = []
  private readonly term: number
  /** All items up to this one are in the ledger. */
  applied = 0

  constructor(term: number) {
    this.term = term
  }

  get backlog(): number {
    return this.waiting.length - this.from
  }

  get isFull(): boolean {
    return this.inFlight.length >= schedulerLimits.turnsInFlightMax
  }

  /** Returns the number of the item. `bytes`: of its texts and values beside names. */
  push(run: Run, transition: AnyTransition, bytes: number, then?: Consequence): number {
    const number = ++this.count
    run.lastItem = number
    this.waiting.push({ number, run, transition, bytes: bytes + envelopeBytes, then })
    return number
  }

  /** To be done when all that was emitted before is in the ledger. */
  effect(run: Run, then: Consequence): void {
    const number = ++this.count
    this.waiting.push({ number, run, transition: undefined, bytes: 0, then })
  }

  isOnItsWay(item: number): boolean {
    return item > this.applied
  }

  /** Nothing of the run is on its way. */
  isQuiet(run: Run): boolean {
    return run.lastItem <= this.applied
  }

  /** What is not cut yet will never be: the run is to be read anew. */
  abandon(run: Run): void {
    const lastCut = this.inFlight.at(-1)?.last ?? this.applied
    run.lastItem = Math.min(run.lastItem, lastCut)
  }

  /** Undefined when there is nothing to commit. Effects alone come back by `idle`. */
  cut(ledgerVersion: number): Turn | undefined {
    const { turnTransitionsMax, turnBytesMax } = schedulerLimits
    const { waiting } = this
    const byRun = new Map<Run, Item[]>()
    const beside: Item[] = []
    let transitions = 0
    let bytes = 0
    let at = this.from
    for (; at < waiting.length && transitions < turnTransitionsMax; at++) {
      const item = waiting[at]!
      if (item.run.isFrozen) continue
      if (item.transition === undefined) {
        beside.push(item)
        continue
      }
      if (bytes > 0 && bytes + item.bytes > turnBytesMax) break
      bytes += item.bytes
      transitions++
      const known = byRun.get(item.run)
      if (known === undefined) byRun.set(item.run, [item])
      else known.push(item)
    }
    if (transitions === 0) return undefined
    const last = waiting[at - 1]!.number
    this.forgetUpTo(at)
    const turn: Turn = { ...this.said(byRun, ledgerVersion), beside, last }
    this.inFlight.push(turn)
    return turn
  }

  private said(
    byRun: ReadonlyMap<Run, readonly Item[]>,
    ledgerVersion: number,
  ): Pick<Turn, 'command' | 'items'> {
    const { term } = this
    if (ledgerVersion < WAVES_SINCE) {
      const { runs, items } = toldBy(plainly, byRun)
      return { command: { kind: 'workAdvance', value: { term, runs } }, items }
    }
    const { runs, items } = toldBy(inWaves, byRun)
    if (items.some(isOfRace)) return { command: { kind: 'workRace', value: { term, runs } }, items }
    // All that it has more.
    const waves = runs as WorkWave['runs']
    return { command: { kind: 'workWave', value: { term, runs: waves } }, items }
  }

  /** Effects that nothing on its way stands before. */
  idle(): Item[] {
    const found: Item[] = []
    if (this.inFlight.length > 0) return found
    for (; this.from < this.waiting.length; this.from++) {
      const item = this.waiting[this.from]!
      if (item.transition !== undefined && !item.run.isFrozen) break
      if (item.transition === undefined) found.push(item)
      this.applied = item.number
    }
    this.forgetUpTo(this.from)
    return found
  }

  /** Turns come back in the order in which they were made. Which of its items were dropped? */
  settle(turn: Turn, dropped: readonly Dropped[]): ReadonlyMap<number, Dropped> {
    assert(this.inFlight[0] === turn, 'turns are applied in the order in which they were made')
    this.inFlight.shift()
    this.applied = turn.last
    return new Map(dropped.map((each) => [each.item, each]))
  }

  /** The front is cut off in steps, so that it costs little for each. */
  private forgetUpTo(at: number): void {
    this.from = at
    if (this.from < 4_096 && this.from < this.waiting.length) return
    this.waiting = this.waiting.slice(this.from)
    this.from = 0
  }
}

function toldBy<T>(
  tell: (own: readonly Item[]) => Told<T>,
  byRun: ReadonlyMap<Run, readonly Item[]>,
): { runs: { run: string; transitions: T[] }[]; items: Item[] } {
  const items: Item[] = []
  const runs: { run: string; transitions: T[] }[] = []
  for (const [run, own] of byRun) {
    const told = tell(own)
    runs.push({ run: run.id, transitions: told.transitions })
    for (const item of told.items) items.push(item)
  }
  return { runs, items }
}
