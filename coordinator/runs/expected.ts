/**
 * When a run that is under way is likely to end: what runs has run for so long already, what is over
 * takes nothing more, and the rest takes what such work took before. Hosts are asked once in a while;
 * in between, only the clock goes on.
 */
import type { AllTold } from '../../models/profiles/pooling.ts'
import { estimateOf } from '../../models/profiles/pooling.ts'
import type { RunView, UnitView } from '../../protocol/ledger/work-view.ts'
import { isUnitOver } from '../../protocol/work/states.ts'
import type { Graph } from '../../protocol/workflow/graph/graph.ts'
import { topologicalOrder } from '../../protocol/workflow/graph/order.ts'
import { stageGraph } from '../../protocol/workflow/graph/workflow-graph.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import { keysOf, tasksOf } from '../planning/asking.ts'
import { declared, expectedBy, pieceBefore, type StageTime } from '../planning/expecting.ts'
import { type Piece, type Span, spanOf } from '../planning/finishing.ts'
import {
  durationBefore,
  type Inputs,
  itemsBefore,
  namesBefore,
  skippedBefore,
} from '../planning/known.ts'
import { runLimits } from './limits.ts'

/** How long it goes on, from when that is said. */
export interface RunExpected extends Span {
  readonly atMs: number
  /** Stages of unknown time that are not over: they count as nothing. */
  readonly untimed: number
}

export interface ExpectingParts {
  readonly telling: { gathered(keys: readonly string[]): Promise<AllTold> }
  readonly clock: { wall(): number; now(): number }
}

/** For one run, or for one who looks at it. */
export class RunExpecting {
  readonly #parts: ExpectingParts
  #told: AllTold = new Map()
  #askedMs = Number.NEGATIVE_INFINITY
  #known: Known | undefined
  #said: { readonly nowMs: number; readonly expected: RunExpected | undefined } | undefined

  constructor(parts: ExpectingParts) {
    this.#parts = parts
  }

  /** Never rejects, and comes back when every host has answered or had its time. */
  async ask(workflow: Workflow): Promise<void> {
    const nowMs = this.#parts.clock.now()
    if (isTooLarge(workflow) || nowMs - this.#askedMs < runLimits.expectedAskMs) return
    this.#askedMs = nowMs
    const keys = keysOf(workflow)
    if (keys.length > 0) this.#told = await this.#parts.telling.gathered(keys)
    this.#known = undefined
    this.#said = undefined
  }

  /** Undefined of what does not run, of what is too large, and where nothing is known. */
  of(view: RunView, workflow: Workflow): RunExpected | undefined {
    const { state, stop } = view.head
    if (state !== 'running' || stop !== 'none' || isTooLarge(workflow)) return undefined
    const nowMs = this.#parts.clock.now()
    if (this.#said && nowMs - this.#said.nowMs < runLimits.expectedEveryMs) {
      return this.#said.expected
    }
    const expected = this.#expected(view, workflow)
    this.#said = { nowMs, expected }
    return expected
  }

  #expected(view: RunView, workflow: Workflow): RunExpected | undefined {
    const atMs = this.#parts.clock.wall()
    if (this.#known?.workflow !== workflow) this.#known = knownOf(view, workflow, this.#told)
    const known = this.#known.parts
    if (known === undefined) return undefined
    const units = unitsByStage(view)
    const parts = known.map(({ graph, order, stages }) => {
      const pieces = stages.map((each) => pieceLeft(each, units.get(each.stage.name), atMs))
      return { graph, order, pieces }
    })
    const span = spanOf(parts, runLimits.expectedFiguresMax)
    if (span === undefined) return undefined
    const all = parts.flatMap(({ pieces }) => pieces)
    return { atMs, ...span, untimed: all.filter(({ kind }) => kind === 'unknown').length }
  }
}

function isTooLarge({ stages }: Workflow): boolean {
  return stages.length > runLimits.expectedStagesMax
}

/** What stays as it is until hosts are asked again. */
interface Known {
  readonly workflow: Workflow
  /** Undefined where there is no order in it. */
  readonly parts: readonly KnownPart[] | undefined
}

interface KnownPart {
  readonly graph: Graph
  readonly order: readonly number[]
  readonly stages: readonly KnownStage[]
}

interface KnownStage {
  readonly stage: Stage
  /** Of one attempt. */
  readonly time: StageTime | undefined
  readonly items: number | undefined
  /** Before it has begun: it never will. */
  readonly isSkipped: boolean
}

function knownOf(view: RunView, workflow: Workflow, told: AllTold): Known {
  const names = namesBefore(workflow, JSON.parse(view.spec.inputs) as Inputs)
  const tasks = tasksOf(workflow)
  const timeOf = (stage: Stage): StageTime | undefined => {
    const ms = durationBefore(stage, names)
    if (ms !== undefined) return declared(ms)
    const task = tasks.get(stage)
    return task === undefined ? undefined : expectedBy(estimateOf(workflow.name, task, told)).time
  }
  const parts: KnownPart[] = []
  for (const section of ['stages', 'finally'] as const) {
    const of = workflow.stages.filter(
      (stage) => stage.section === section && stage.role === 'ordinary',
    )
    const graph = stageGraph(of)
    const sorted = topologicalOrder(graph)
    if (!sorted.ok) return { workflow, parts: undefined }
    const order = [...sorted.order]
    const inOrder = order.map((node) => of[node] as Stage)
    const skipped = skippedBefore(inOrder, names)
    const stages = of.map((stage) => ({
      stage,
      time: timeOf(stage),
      items: itemsBefore(stage, names),
      isSkipped: skipped.has(stage.name),
    }))
    parts.push({ graph, order, stages })
  }
  return { workflow, parts }
}

/** Whether it is worth telling somebody who has heard the other. */
export function hasMoved(before: RunExpected | undefined, now: RunExpected | undefined): boolean {
  if (before === undefined || now === undefined) return before !== now
  const endMs = now.atMs + now.p50Ms
  const by = Math.abs(endMs - before.atMs - before.p50Ms)
  return by > Math.max(runLimits.expectedMovedMs, now.p50Ms * runLimits.expectedMovedShare)
}

interface Units {
  whole?: UnitView
  readonly items: UnitView[]
}

function unitsByStage({ units }: RunView): ReadonlyMap<string, Units> {
  const found = new Map<string, Units>()
  for (const unit of units) {
    const of = found.get(unit.stage) ?? { items: [] }
    found.set(unit.stage, of)
    if (unit.item === undefined) of.whole = unit
    else of.items.push(unit)
  }
  return found
}

function pieceLeft(known: KnownStage, units: Units | undefined, atMs: number): Piece {
  const { stage, time, items } = known
  const { whole, items: begun } = units ?? { items: [] as UnitView[] }
  if (whole === undefined) {
    return known.isSkipped ? { kind: 'fixed', ms: 0 } : pieceBefore(stage, time, items)
  }
  if (isUnitOver(whole.state)) return { kind: 'fixed', ms: 0 }
  if (whole.items !== undefined) {
    const over = begun.filter(({ state }) => isUnitOver(state)).length
    return pieceBefore(stage, time, Math.max(1, whole.items - over))
  }
  if (whole.waitsFor === 'time' && whole.dueMs !== undefined) {
    return { kind: 'fixed', ms: Math.max(0, whole.dueMs - atMs) }
  }
  // People and other runs take the time that they take.
  if (whole.waitsFor !== undefined && whole.waitsFor !== 'retry') return { kind: 'unknown' }
  const piece = pieceBefore(stage, time, items)
  if (whole.state !== 'assigned' || piece.kind !== 'drawn') return piece
  // Of two at work, the one that is not late.
  const sinceMs = whole.rival?.assignedMs ?? whole.changedMs
  return { ...piece, ranMs: Math.max(0, atMs - sinceMs) }
}
