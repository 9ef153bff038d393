/**
 * Many stages of a run that begin or end alike, as one transition: a wide run goes forward by waves.
 * What it does is what the transitions of its stages would do one by one, in the same order, and so
 * are its drops; of stages of which nothing is to be said beside that, the row is made once for all.
 */
import { runStates, stopModes, unitStates } from '../../work/states.ts'
import { type Octets, toOctets } from '../octets.ts'
import type { DropCode } from '../result.ts'
import { isName } from '../rows.ts'
import { joinStages, stagesIn } from '../stage-names.ts'
import { assigned } from './work-beginnings.ts'
import { finished } from './work-endings.ts'
import { isStageName, unitsOf } from './work-rows.ts'
import { isFull, type Scene } from './work-scene.ts'
import type { StagesAssigned, StagesFinished } from './work-transitions.ts'
import { packUnit, unpackUnit } from './work-unit-row.ts'

/** Tells which of the stages, from 0, came to nothing. */
type OnDropped = (at: number, code: DropCode) => void

export function stagesAssigned(
  scene: Scene,
  { stages, node, readyMs }: StagesAssigned,
  onDropped: OnDropped,
): void {
  const { tx, run, gate } = scene
  const { term, index, limits } = tx
  const attempt = 1
  const isPlain =
    gate.state === runStates.running &&
    gate.stop === stopModes.none &&
    isName(node, limits.nodeIdBytesMax)
  const row = packUnit({
    state: unitStates.assigned,
    revision: index,
    attempt,
    readyMs,
    changedMs: tx.timeMs,
    fence: { term, index },
    node: isPlain ? node : '',
  })
  const units = unitsOf(run)
  const told = new Wave(scene, { state: 'assigned', attempt, node })
  for (const [at, stage] of stagesIn(stages).entries()) {
    const key = units + stage
    if (isPlain && isStageName(limits, stage) && tx.get(key) === undefined && !isFull(tx)) {
      tx.put(key, row)
      told.add(stage)
      continue
    }
    told.tell()
    const code = assigned(scene, { stage, attempt, node, readyMs, after: [] })
    if (code !== undefined) onDropped(at, code)
  }
  told.tell(stages)
}

/** They have succeeded, with nothing to say but how that was. */
export function stagesFinished(
  scene: Scene,
  { stages, attempt, term, index, record }: StagesFinished,
  onDropped: OnDropped,
): void {
  const { tx, run } = scene
  const to = unitStates.succeeded
  const units = unitsOf(run)
  const said = record === undefined ? {} : { record }
  const fits = (record?.length ?? 0) <= tx.limits.attemptRecordBytesMax
  const kept = fits && record !== undefined ? { record: toOctets(record) } : {}
  const told = new Wave(scene, { state: 'succeeded', attempt })
  /** Stages that were assigned together have one row: what becomes of it is worked out once. */
  let before: Octets | undefined
  let after: Octets | undefined
  for (const [at, stage] of stagesIn(stages).entries()) {
    const key = units + stage
    const held = fits ? tx.get(key) : undefined
    if (held !== undefined && held !== before) {
      const unit = unpackUnit(held)
      const isHeld =
        unit.state === unitStates.assigned &&
        unit.attempt === attempt &&
        unit.fence?.term === term &&
        unit.fence.index === index
      if (isHeld && unit.rest === undefined) {
        const last = { assignedMs: unit.changedMs, endedMs: tx.timeMs, ...kept }
        before = held
        after = packUnit({ ...unit, state: to, revision: tx.index, changedMs: tx.timeMs, last })
      }
    }
    if (held !== undefined && held === before && after !== undefined) {
      tx.put(key, after)
      told.add(stage)
      continue
    }
    told.tell()
    const code = finished(scene, { stage, attempt, term, index, to, ...said })
    if (code !== undefined) onDropped(at, code)
  }
  told.tell(stages)
}

/** Stages of which the same is told, as long as nothing else comes between. */
class Wave {
  private readonly scene: Scene
  private readonly alike: { state: 'assigned' | 'succeeded'; attempt: number; node?: string }
  private stages: string[] = []
  private isWhole = true

  constructor(scene: Scene, alike: Wave['alike']) {
    this.scene = scene
    this.alike = alike
  }

  add(stage: string): void {
    this.stages.push(stage)
  }

  /** `all`: their names in one text, if there were no others. */
  tell(all?: string): void {
    const { tx, run } = this.scene
    const count = this.stages.length
    const stages = this.isWhole && all !== undefined ? all : joinStages(this.stages)
    this.isWhole = false
    this.stages = []
    if (count > 0) tx.tell({ kind: 'stagesChanged', run, stages, count, ...this.alike })
  }
}
