/** How a unit ends, or an attempt of it: what each such transition checks, and what it writes. */
import { stopModes, type UnitState, unitStateOf, unitStates } from '../../work/states.ts'
import { toOctets } from '../octets.ts'
import type { DropCode } from '../result.ts'
import { endOf } from '../rows.ts'
import type { Transaction } from '../transaction.ts'
import { fitsText } from './kind.ts'
import { asRunBy, setOutrunAside } from './work-race.ts'
import { hasAssigned, unitRow } from './work-rows.ts'
import {
  approvalLacks,
  counted,
  fitsNot,
  isBetweenTries,
  keptOf,
  type Named,
  noRest,
  placeOf,
  putArtifacts,
  putOutputs,
  readUnit,
  type Scene,
  standsNot,
  writeUnit,
} from './work-scene.ts'
import { fitsSignal, type SignalSend, sendSignal } from './work-signals.ts'
import type { StagesPassed, UnitFinished, UnitSettled } from './work-transitions.ts'
import type { UnitRest, UnitRow } from './work-unit-row.ts'

/** An end, or what comes after this try, is always taken: it needs no room to speak of. */
export function finished(scene: Scene, value: UnitFinished): DropCode | undefined {
  const { tx } = scene
  const place = placeOf(value)
  const found = readUnit(scene, place)
  const wrong = fitsNot(scene, value, found, 'finished')
  if (wrong !== undefined || found === undefined) return wrong ?? 'stale'
  const { attempt, term, index, to, outputs, record, signal, artifacts } = value
  const { held, other } = asRunBy(found, attempt)
  if (held.attempt !== attempt || held.fence?.term !== term || held.fence.index !== index) {
    return 'stale'
  }
  const state = unitStateOf(to)
  if (!isAfterAttempt(state, value.waitsFor)) return 'stale'
  // Of one that comes to nothing beside another, it is said that it fell out.
  if (other !== undefined && state !== 'succeeded') return 'stale'
  if (!fitsEnd(tx, value)) return 'tooLarge'
  if (artifacts !== undefined && !fitsArtifacts(tx, [artifacts])) return 'tooLarge'
  if (record !== undefined && record.length > tx.limits.attemptRecordBytesMax) return 'tooLarge'
  const ended = { assignedMs: held.changedMs, endedMs: tx.timeMs }
  const last = record === undefined ? ended : { ...ended, record: toOctets(record) }
  writeUnit(scene, value, held, { state: to, last, ...restOfEnd(value, held) })
  if (other !== undefined) setOutrunAside(scene, place, other)
  putOutputs(scene, place, outputs)
  if (artifacts !== undefined && state === 'succeeded') {
    putArtifacts(scene, place, [{ ...artifacts, node: held.node }])
  }
  if (signal !== undefined && state === 'succeeded') sendSignal(tx, signal)
  return undefined
}

/** Whoever has tried is not skipped, and waits only for another try or for what stands in. */
function isAfterAttempt(state: UnitState | undefined, waitsFor: number | undefined): boolean {
  if (state === 'waiting') return isBetweenTries(waitsFor)
  const ended = state === 'succeeded' || state === 'failed' || state === 'cancelled'
  return ended && waitsFor === undefined
}

export function settled(scene: Scene, value: UnitSettled): DropCode | undefined {
  const { tx } = scene
  const place = placeOf(value)
  const held = readUnit(scene, place)
  const wrong = fitsNot(scene, value, held, 'settled')
  if (wrong !== undefined) return wrong
  const state = unitStateOf(value.to)
  if (state === undefined || value.to < unitStates.succeeded) return 'stale'
  const lacks =
    standsNot(scene, value.after) ??
    (state === 'succeeded' ? succeedsNot(scene, value, held) : undefined) ??
    (isAtWork(scene, place, held) ? 'busy' : undefined)
  if (lacks !== undefined) return lacks
  const lists = value.artifacts?.lists ?? []
  if (!fitsEnd(tx, value) || !fitsArtifacts(tx, lists)) return 'tooLarge'
  const { rest } = restOfEnd(value, held)
  const kept = value.adopted ? { ...(rest ?? noRest), adopted: true } : rest
  writeUnit(scene, value, held, { state: value.to, ...withRest(kept) })
  putOutputs(scene, place, value.outputs)
  if (state === 'succeeded') putArtifacts(scene, place, lists)
  if (value.signal !== undefined && state === 'succeeded') sendSignal(tx, value.signal)
  return undefined
}

/** What succeeds without an attempt has done all it does in this moment: so it begins here, too. */
function succeedsNot(scene: Scene, named: Named, held: UnitRow | undefined): DropCode | undefined {
  if (held === undefined && scene.gate.stop === stopModes.kill) return 'stopping'
  return approvalLacks(scene, named, held)
}

/** An agent has an item of it. */
function isAtWork({ tx, run }: Scene, place: string, held: UnitRow | undefined): boolean {
  if (held === undefined || held.state !== unitStates.open) return false
  const items = `${unitRow(run, place)}/`
  return hasAssigned(tx, items, endOf(items))
}

export function passed(
  scene: Scene,
  { stages, to, why, after }: StagesPassed,
): DropCode | undefined {
  const { tx } = scene
  if (to !== unitStates.skipped && to !== unitStates.cancelled) return 'stale'
  if (stages.length > tx.limits.transitionsMax) return 'tooLarge'
  if (!fitsText(why ?? '', tx.limits.noteBytesMax)) return 'tooLarge'
  const lacks = standsNot(scene, after)
  if (lacks !== undefined) return lacks
  // One that is named twice comes to nothing once.
  const units = [...new Set(stages)].map((stage) => ({ stage, held: readUnit(scene, stage) }))
  for (const { stage, held } of units) {
    const wrong = fitsNot(scene, { stage }, held, 'settled')
    if (wrong !== undefined) return wrong
    if (isAtWork(scene, stage, held)) return 'busy'
  }
  for (const { stage, held } of units) {
    const rest = why === undefined ? keptOf(held) : { ...(keptOf(held) ?? noRest), why }
    writeUnit(scene, { stage }, held, { state: to, ...withRest(rest) })
  }
  return undefined
}

interface EndValue {
  readonly errorClass?: string
  readonly why?: string
  readonly outputs?: string
  readonly signal?: SignalSend
  readonly exitCode?: number
  readonly waitsFor?: number
  readonly dueMs?: number
}

function fitsEnd(tx: Transaction, { errorClass, why, outputs, signal }: EndValue): boolean {
  const { limits } = tx
  return (
    fitsText(errorClass ?? '', 16) &&
    fitsText(why ?? '', 2 * limits.noteBytesMax) &&
    fitsText(outputs ?? '', limits.runOutputsBytesMax) &&
    (signal === undefined || fitsSignal(tx, signal))
  )
}

function fitsArtifacts(
  { limits }: Transaction,
  lists: readonly { readonly manifest: string; readonly node?: string }[],
): boolean {
  const { runArtifactsMax, contentHashBytesMax, nodeIdBytesMax } = limits
  return (
    lists.length <= runArtifactsMax &&
    lists.every(
      ({ manifest, node = '' }) =>
        fitsText(manifest, contentHashBytesMax) && fitsText(node, nodeIdBytesMax),
    )
  )
}

function withRest(rest: UnitRest | undefined): { rest?: UnitRest } {
  return rest === undefined ? {} : { rest }
}

/** What stays of an end in the row of the unit; nothing, as is common. */
function restOfEnd(value: EndValue, held: UnitRow | undefined): { rest?: UnitRest } {
  const { errorClass, why, exitCode, waitsFor, dueMs } = value
  const plain = exitCode === undefined && errorClass === undefined && why === undefined
  if (plain && waitsFor === undefined && held?.rest === undefined) return {}
  // One that waits for another try, or for what stands in, has been counted.
  const isCounted = errorClass !== undefined && !isBetweenTries(held?.rest?.waitsFor)
  const rest = {
    ...(keptOf(held) ?? noRest),
    ...(errorClass === undefined ? {} : { errorClass }),
    ...(isCounted ? { failures: counted(held, errorClass) } : {}),
    ...(why === undefined ? {} : { why }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(dueMs === undefined ? {} : { dueMs }),
    ...(held?.rest?.items === undefined ? {} : { items: held.rest.items }),
    ...(held?.rest?.detail === undefined ? {} : { detail: held.rest.detail }),
  }
  return { rest }
}
