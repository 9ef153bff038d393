/**
 * A unit with two attempts at work: a second one begins beside the first, on another host and under a
 * fence of its own, and once in the life of a unit. The first end of the unit that is committed, by
 * whichever of the two, is its end, and the fence of the other has passed by that. One that comes to
 * nothing leaves the unit to the other.
 */
import { unitStateOf, unitStates } from '../../work/states.ts'
import type { UnitChange } from '../events.ts'
import { encodeRow } from '../octets.ts'
import type { DropCode } from '../result.ts'
import { isName } from '../rows.ts'
import { AttemptRow, attemptRow, unitRow } from './work-rows.ts'
import {
  beginsNot,
  fitsNot,
  isFull,
  keptOf,
  type Named,
  noRest,
  placeOf,
  readUnit,
  type Scene,
} from './work-scene.ts'
import type { UnitFellOut, UnitRaced } from './work-transitions.ts'
import { packUnit, type UnitRow } from './work-unit-row.ts'

/** An attempt at work. */
interface Runner {
  readonly attempt: number
  readonly node: string
  readonly fence: { readonly term: number; readonly index: number }
  readonly assignedMs: number
}

/** How many attempts it has had. */
export function triesOf(held: UnitRow | undefined): number {
  return Math.max(held?.attempt ?? 0, held?.rest?.raced ?? 0)
}

/**
 * The unit as if the attempt of this number, where it is one of two at work, were the only one; and
 * the other of the two.
 */
export function asRunBy(
  held: UnitRow,
  attempt: number,
): { readonly held: UnitRow; readonly other?: Runner } {
  const { rest } = held
  if (rest?.rival === undefined) return { held }
  const { rival, ...alone } = rest
  const { node, term, index, assignedMs } = rival
  const second: Runner = { attempt: rest.raced!, node, fence: { term, index }, assignedMs }
  const { attempt: number, node: at, fence, changedMs } = held
  const first: Runner = { attempt: number, node: at, fence: fence!, assignedMs: changedMs }
  const [own, other] = attempt === second.attempt ? [second, first] : [first, second]
  return { held: runBy({ ...held, rest: alone }, own), other }
}

function runBy(held: UnitRow, { attempt, node, fence, assignedMs }: Runner): UnitRow {
  return { ...held, attempt, node, fence, changedMs: assignedMs }
}

export function raced(scene: Scene, value: UnitRaced): DropCode | undefined {
  const { tx } = scene
  const held = readUnit(scene, placeOf(value))
  const why = beginsNot(scene, value, held, 'raced', { after: [] })
  if (why !== undefined || held === undefined) return why ?? 'stale'
  const { attempt, node } = value
  if (held.rest?.raced !== undefined || attempt !== held.attempt + 1) return 'stale'
  if (node === held.node) return 'stale'
  if (!isName(node, tx.limits.nodeIdBytesMax)) return 'tooLarge'
  if (isFull(tx)) return 'full'
  const { term, index, timeMs } = tx
  const rival = { node, term, index, assignedMs: timeMs }
  const rest = { ...(keptOf(held) ?? noRest), raced: attempt, rival }
  write(scene, value, { ...held, rest })
  tell(scene, value, { attempt, node, race: 'joined' })
  return undefined
}

/** Always taken, as an end is; it counts for no failure. */
export function fellOut(scene: Scene, value: UnitFellOut): DropCode | undefined {
  const { tx, run } = scene
  const place = placeOf(value)
  const found = readUnit(scene, place)
  const wrong = fitsNot(scene, value, found, 'fellOut')
  if (wrong !== undefined || found === undefined) return wrong ?? 'stale'
  const { attempt, term, index, record } = value
  const { held, other } = asRunBy(found, attempt)
  if (other === undefined || held.attempt !== attempt) return 'stale'
  if (held.fence?.term !== term || held.fence.index !== index) return 'stale'
  if (record !== undefined && record.length > tx.limits.attemptRecordBytesMax) return 'tooLarge'
  const ended = { assignedMs: held.changedMs, endedMs: tx.timeMs }
  const said = record === undefined ? {} : { record }
  const row = encodeRow(AttemptRow, { node: held.node, term, index, ...ended, ...said })
  tx.put(attemptRow(run, place, attempt), row)
  write(scene, value, runBy(held, other))
  tell(scene, value, { attempt, node: held.node, race: 'left' })
  return undefined
}

/** The unit has ended without it. */
export function setOutrunAside({ tx, run }: Scene, place: string, other: Runner): void {
  const { attempt, node, fence, assignedMs } = other
  const row = { node, ...fence, assignedMs, endedMs: tx.timeMs, outrun: true }
  tx.put(attemptRow(run, place, attempt), encodeRow(AttemptRow, row))
}

/** Its time is left as it was: that of the assignment. */
function write({ tx, run }: Scene, named: Named, row: UnitRow): void {
  tx.put(unitRow(run, placeOf(named)), packUnit({ ...row, revision: tx.index }))
}

function tell(
  { tx, run }: Scene,
  { stage, item }: Named,
  about: Pick<UnitChange, 'attempt' | 'node' | 'race'>,
): void {
  const state = unitStateOf(unitStates.assigned)!
  const named = item === undefined ? { stage } : { stage, item }
  tx.tell({ kind: 'unitChanged', run, ...named, state, ...about })
}
