/**
 * A unit while something happens to it: how it is read and written, and what is checked of every
 * transition alike. See `work-advance.ts` for the rules.
 */
import {
  isUnitOver,
  mayHappen,
  runStates,
  stopModes,
  type UnitEvent,
  unitStateOf,
  unitStates,
  waitReasons,
} from '../../work/states.ts'
import { errorClasses } from '../../workflow/model.ts'
import type { UnitChange } from '../events.ts'
import { decodeRow, encodeRow, fromOctets, octetsOfText, toOctets } from '../octets.ts'
import type { DropCode } from '../result.ts'
import type { Transaction } from '../transaction.ts'
import {
  ApprovalRow,
  type ArtifactsEntry,
  ArtifactsRow,
  AttemptRow,
  approvalRow,
  artifactsPlace,
  attemptRow,
  isStageName,
  outputRow,
  type RunGate,
  unitPlace,
  unitRow,
} from './work-rows.ts'
import { isApproved } from './work-runs.ts'
import {
  isOverInRow,
  type LastTry,
  packUnit,
  stateOfUnitRow,
  type UnitRest,
  type UnitRow,
  unpackUnit,
} from './work-unit-row.ts'

export interface Scene {
  readonly tx: Transaction
  readonly run: string
  readonly gate: RunGate
}

export interface Named {
  readonly stage: string
  readonly item?: number
}

export function placeOf({ stage, item }: Named): string {
  return unitPlace(stage, item)
}

export function readUnit({ tx, run }: Scene, place: string): UnitRow | undefined {
  const row = tx.get(unitRow(run, place))
  return row === undefined ? undefined : unpackUnit(row)
}

/** What a transition says of a unit. What it leaves out of `rest` is forgotten. */
export interface Change {
  readonly state: number
  readonly readyMs?: number
  /** Another attempt: what is known of the one before goes to a row of its own. */
  readonly begins?: Beginning
  readonly last?: LastTry
  readonly rest?: UnitRest
}

export interface Beginning {
  readonly attempt: number
  readonly node?: string
  readonly fence?: { readonly term: number; readonly index: number }
}

export function writeUnit(
  scene: Scene,
  named: Named,
  held: UnitRow | undefined,
  { state, readyMs, begins, last = held?.last, rest = keptOf(held) }: Change,
): void {
  const { tx, run } = scene
  const place = placeOf(named)
  if (begins !== undefined && held?.last !== undefined) setAside(scene, place, held, held.last)
  const attempt = (begins ?? held)?.attempt ?? 0
  const node = begins?.node ?? held?.node ?? ''
  const row = {
    state,
    revision: tx.index,
    attempt,
    readyMs: readyMs ?? held?.readyMs ?? tx.timeMs,
    changedMs: tx.timeMs,
    node,
    fence: (begins ?? held)?.fence,
    last: begins === undefined ? last : undefined,
    rest,
  }
  tx.put(unitRow(run, place), packUnit(row))
  const { stage, item } = named
  const told: UnitChange = {
    kind: 'unitChanged',
    run,
    stage,
    state: unitStateOf(state)!,
    attempt,
  }
  if (item !== undefined) told.item = item
  if (state === unitStates.assigned) told.node = node
  tx.tell(told)
}

function setAside({ tx, run }: Scene, place: string, held: UnitRow, last: LastTry): void {
  const { node, fence, attempt } = held
  const { term, index } = fence!
  const { record, ...ended } = last
  const said = record === undefined ? {} : { record: fromOctets(record) }
  const row = encodeRow(AttemptRow, { node, term, index, ...ended, ...said })
  tx.put(attemptRow(run, place, attempt), row)
}

export const noRest: UnitRest = { failures: [] }

/** How often it has failed is never forgotten, nor that it was raced: tries are counted by it. */
export function keptOf(held: UnitRow | undefined): UnitRest | undefined {
  const { failures = [], raced } = held?.rest ?? {}
  if (raced !== undefined) return { failures, raced }
  return failures.length === 0 ? undefined : { failures }
}

/** By class, so that each has its own number of tries whoever leads. */
export function counted(held: UnitRow | undefined, errorClass: string): number[] {
  const at = (errorClasses as readonly string[]).indexOf(errorClass)
  const failures = errorClasses.map((_, i) => held?.rest?.failures[i] ?? 0)
  if (at >= 0) failures[at]!++
  return failures
}

export function putOutputs({ tx, run }: Scene, place: string, outputs: string | undefined): void {
  if (outputs !== undefined) tx.put(outputRow(run, place), octetsOfText(outputs))
}

export function putArtifacts(
  { tx, run }: Scene,
  place: string,
  lists: readonly ArtifactsEntry[],
): void {
  if (lists.length === 0) return
  tx.put(outputRow(run, artifactsPlace(place)), encodeRow(ArtifactsRow, { lists: [...lists] }))
}

/** Why nothing new begins here now. */
export function beginsNot(
  scene: Scene,
  named: Named,
  held: UnitRow | undefined,
  event: UnitEvent,
  { after, closing }: { readonly after: readonly string[]; readonly closing?: boolean | undefined },
): DropCode | undefined {
  const { gate } = scene
  const wrong = fitsNot(scene, named, held, event)
  if (wrong !== undefined) return wrong
  if (gate.state === runStates.queued) return 'notYet'
  if (gate.stop === stopModes.kill || (gate.stop === stopModes.cancel && closing !== true)) {
    return 'stopping'
  }
  return standsNot(scene, after) ?? approvalLacks(scene, named, held)
}

/** Its place, its state, and that of the stage whose item it is. */
export function fitsNot(
  { tx, run }: Scene,
  { stage, item }: Named,
  held: UnitRow | undefined,
  event: UnitEvent,
): DropCode | undefined {
  if (!isStageName(tx.limits, stage)) return 'tooLarge'
  const state = held === undefined ? undefined : unitStateOf(held.state)
  if (!mayHappen(state, event)) return isUnitOver(state) ? 'over' : 'stale'
  // As long as an agent has an item, its stage does not end.
  if (item === undefined || event === 'finished' || event === 'fellOut') return undefined
  const whole = tx.get(unitRow(run, stage))
  if (whole === undefined || stateOfUnitRow(whole) !== 'open') {
    return whole !== undefined && isOverInRow(whole) ? 'over' : 'stale'
  }
  if (held !== undefined) return undefined
  return item < (unpackUnit(whole).rest?.items ?? 0) ? undefined : 'stale'
}

export function isBetweenTries(waitsFor: number | undefined): boolean {
  return waitsFor === waitReasons.retry || waitsFor === waitReasons.fallback
}

export function standsNot(
  { tx, run }: Pick<Scene, 'tx' | 'run'>,
  after: readonly string[],
): DropCode | undefined {
  for (const stage of after) {
    const row = tx.get(unitRow(run, stage))
    if (row === undefined || !isOverInRow(row)) return 'notYet'
  }
  return undefined
}

export function approvalLacks(
  { tx, run }: Scene,
  named: Named,
  held: UnitRow | undefined,
): DropCode | undefined {
  if (held?.rest?.waitsFor !== waitReasons.approval) return undefined
  const row = tx.get(approvalRow(run, placeOf(named)))
  return row !== undefined && isApproved(decodeRow(ApprovalRow, row)) ? undefined : 'notYet'
}

/** About what a unit takes, with its end: who begins one finds room for both. */
const roomForUnit = toOctets(new Uint8Array(2_048))

export function isFull(tx: Transaction): boolean {
  return !tx.hasRoom('', roomForUnit)
}
