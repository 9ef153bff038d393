/**
 * Runs and their units, as the ledger has them: each ends once and never changes again; a stage
 * begins after all that it needs is over, what undoes and cleans up after all stages; nothing comes
 * about in a run that waits for its group, nothing begins in one that was killed, and only what
 * undoes or cleans up in one that was cancelled.
 */
import { isRunOver, isUnitOver, type RunState, type UnitState } from '../../protocol/work/states.ts'
import type { Stage, Workflow } from '../../protocol/workflow/model.ts'
import { type Violation, violation } from './violation.ts'

export interface UnitName {
  readonly run: string
  readonly stage: string
  readonly item?: number | undefined
}

interface RunLife {
  readonly workflow: Workflow
  readonly stages: ReadonlyMap<string, Stage>
  readonly units: Map<string, UnitState>
  state: RunState
  stop: 'none' | 'cancel' | 'kill'
}

const ONCE = 'what has ended never changes'
const IN_ORDER = 'a stage starts only after the commits of all that it needs'
const LET_IN = 'nothing comes about in a run that its group has not let in'
const STOPPED = 'nothing begins in a run that is stopped'

export class RunLives {
  private readonly runs = new Map<string, RunLife>()
  /** Those that have not ended. */
  openCount = 0

  started(run: string, workflow: Workflow, isQueued: boolean): Violation | undefined {
    if (this.runs.has(run)) return violation('a run begins once', `${run} begins again`)
    this.openCount++
    this.runs.set(run, {
      workflow,
      stages: new Map(workflow.stages.map((stage) => [stage.name, stage])),
      units: new Map(),
      state: isQueued ? 'queued' : 'running',
      stop: 'none',
    })
    return undefined
  }

  /** Runs that have not ended. */
  get open(): string[] {
    return [...this.runs].flatMap(([run, { state }]) => (isRunOver(state) ? [] : [run]))
  }

  get count(): number {
    return this.runs.size
  }

  isKnown(run: string): boolean {
    return this.runs.has(run)
  }

  stageOf({ run, stage }: UnitName): Stage | undefined {
    return this.runs.get(run)?.stages.get(stage)
  }

  workflowOf(run: string): Workflow | undefined {
    return this.runs.get(run)?.workflow
  }

  stateOf({ run, stage, item }: UnitName): UnitState | undefined {
    return this.runs.get(run)?.units.get(placeOf(stage, item))
  }

  stopping(run: string, mode: 'none' | 'cancel' | 'kill'): void {
    const life = this.runs.get(run)
    if (life) life.stop = mode
  }

  runIs(run: string, state: RunState): Violation | undefined {
    const life = this.runs.get(run)
    if (!life) return violation(ONCE, `${run} is ${state}, and never began`)
    if (isRunOver(life.state)) return violation(ONCE, `${run} is ${life.state}, then ${state}`)
    life.state = state
    if (isRunOver(state)) this.openCount--
    return undefined
  }

  /** `isAdopted`: it ended so in the run that this one does again. */
  unitIs(name: UnitName, state: UnitState, isAdopted: boolean): Violation | undefined {
    const life = this.runs.get(name.run)
    const text = textOf(name)
    if (!life) return violation(ONCE, `${text} is ${state} in a run that never began`)
    const place = placeOf(name.stage, name.item)
    const before = life.units.get(place)
    if (isRunOver(life.state)) {
      return violation(ONCE, `${text} is ${state} after its run is ${life.state}`)
    }
    if (isUnitOver(before)) return violation(ONCE, `${text} is ${before}, then ${state}`)
    if (life.state === 'queued') return violation(LET_IN, `${text} is ${state}, and its run waits`)
    const found = isAdopted ? undefined : this.begins(life, name, before, state)
    life.units.set(place, state)
    return found
  }

  /** A program of it begins, on some host, and is not fenced. */
  programBegins(name: UnitName): Violation | undefined {
    const life = this.runs.get(name.run)
    const stage = life?.stages.get(name.stage)
    if (!life || !stage) return violation(IN_ORDER, `${textOf(name)} runs, and is in no run`)
    return inOrder(life, stage, textOf(name))
  }

  private begins(
    life: RunLife,
    name: UnitName,
    before: UnitState | undefined,
    state: UnitState,
  ): Violation | undefined {
    const stage = life.stages.get(name.stage)
    if (!stage) return violation(IN_ORDER, `${textOf(name)} is in no workflow`)
    const atWork = state === 'assigned' || (state === 'waiting' && before === undefined)
    if (atWork && life.stop === 'kill') {
      return violation(STOPPED, `${textOf(name)} is ${state} after its run was killed`)
    }
    const isClosing =
      stage.section === 'finally' || (stage.section === 'stages' && stage.role === 'compensation')
    if (atWork && life.stop === 'cancel' && !isClosing) {
      return violation(STOPPED, `${textOf(name)} is ${state} after its run was cancelled`)
    }
    if (before !== undefined || state === 'cancelled') return undefined
    return inOrder(life, stage, textOf(name))
  }
}

function inOrder(life: RunLife, stage: Stage, text: string): Violation | undefined {
  const missing = groundOf(life, stage).filter(({ name }) => !isUnitOver(life.units.get(name)))
  if (missing.length === 0) return undefined
  const lines = missing.map(({ name }) => `${name} is ${life.units.get(name) ?? 'pending'}`)
  return violation(IN_ORDER, `${text} begins too early`, lines)
}

/** All that must be over before it. */
function groundOf({ workflow, stages }: RunLife, stage: Stage): Stage[] {
  const needs = stage.needs.map((need) => stages.get(need)!)
  if (stage.section === 'stages' && stage.role !== 'compensation') return needs
  const first = workflow.stages.filter(
    ({ section, role }) => section === 'stages' && role === 'ordinary',
  )
  return [...needs, ...first]
}

function placeOf(stage: string, item: number | undefined): string {
  return item === undefined ? stage : `${stage}/${item}`
}

export function textOf({ run, stage, item }: UnitName): string {
  return `${run}/${placeOf(stage, item)}`
}
