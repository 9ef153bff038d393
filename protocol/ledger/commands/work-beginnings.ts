/** What a unit may begin: what each such transition checks, and what it writes. */
import { unitStates, waitReasonOf, waitReasons } from '../../work/states.ts'
import { encodeRow, octetsOfText } from '../octets.ts'
import type { DropCode } from '../result.ts'
import { isName } from '../rows.ts'
import { fitsText } from './kind.ts'
import { triesOf } from './work-race.ts'
import { ApprovalRow, approvalRow, itemsPlace, outputRow } from './work-rows.ts'
import { startRun } from './work-runs.ts'
import {
  beginsNot,
  counted,
  isBetweenTries,
  isFull,
  keptOf,
  noRest,
  placeOf,
  readUnit,
  type Scene,
  writeUnit,
} from './work-scene.ts'
import type { UnitAssigned, UnitLaunched, UnitOpened, UnitWaiting } from './work-transitions.ts'

export function assigned(scene: Scene, value: UnitAssigned): DropCode | undefined {
  const { tx } = scene
  const held = readUnit(scene, placeOf(value))
  const why = beginsNot(scene, value, held, 'assigned', value)
  if (why !== undefined) return why
  const { attempt, node, readyMs } = value
  if (attempt !== triesOf(held) + 1) return 'stale'
  if (!isName(node, tx.limits.nodeIdBytesMax)) return 'tooLarge'
  if (isFull(tx)) return 'full'
  const { term, index } = tx
  const begins = { attempt, node, fence: { term, index } }
  writeUnit(scene, value, held, { state: unitStates.assigned, readyMs, begins })
  return undefined
}

export function waiting(scene: Scene, value: UnitWaiting): DropCode | undefined {
  const { tx, run } = scene
  const { limits } = tx
  const place = placeOf(value)
  const held = readUnit(scene, place)
  const why = beginsNot(scene, value, held, 'waiting', value)
  if (why !== undefined) return why
  const { waitsFor, dueMs, detail, key, readyMs, count = 1, message, errorClass } = value
  const reason = waitReasonOf(waitsFor)
  if (reason === undefined) return 'stale'
  // A failure is counted where it leads to another try or to what stands in, and once.
  const isCounted = isBetweenTries(waitsFor) && !isBetweenTries(held?.rest?.waitsFor)
  if (errorClass !== undefined && !isCounted) return 'stale'
  const texts = [detail, key, message]
  if (texts.some((each) => !fitsText(each ?? '', limits.noteBytesMax))) return 'tooLarge'
  if (count < 1 || count > limits.votesMax || !fitsText(errorClass ?? '', 16)) return 'tooLarge'
  if (isFull(tx)) return 'full'
  if (reason === 'approval') {
    const said = message === undefined ? {} : { message }
    const row = encodeRow(ApprovalRow, { count, votes: [], ...said })
    tx.put(approvalRow(run, place), row)
  }
  const rest = {
    ...(keptOf(held) ?? noRest),
    ...(errorClass === undefined ? {} : { errorClass, failures: counted(held, errorClass) }),
    waitsFor,
    ...(dueMs === undefined ? {} : { dueMs }),
    ...(detail === undefined ? {} : { detail }),
    ...(key === undefined ? {} : { key }),
  }
  writeUnit(scene, value, held, { state: unitStates.waiting, readyMs, rest })
  return undefined
}

export function opened(scene: Scene, value: UnitOpened): DropCode | undefined {
  const { tx, run } = scene
  const { stage, items, list, readyMs } = value
  const held = readUnit(scene, stage)
  const why = beginsNot(scene, { stage }, held, 'opened', value)
  if (why !== undefined) return why
  if (items > tx.limits.runItemsMax || !fitsText(list ?? '', tx.limits.runItemsBytesMax)) {
    return 'tooLarge'
  }
  if (isFull(tx)) return 'full'
  if (list !== undefined) tx.put(outputRow(run, itemsPlace(stage)), octetsOfText(list))
  const rest = { ...(keptOf(held) ?? noRest), items }
  writeUnit(scene, { stage }, held, { state: unitStates.open, readyMs, rest })
  return undefined
}

export function launched(scene: Scene, value: UnitLaunched): DropCode | undefined {
  const { tx } = scene
  const held = readUnit(scene, placeOf(value))
  const why = beginsNot(scene, value, held, 'launched', value)
  if (why !== undefined) return why
  const { attempt, child, waits, readyMs } = value
  if (attempt !== (held?.attempt ?? 0) + 1) return 'stale'
  if (isFull(tx)) return 'full'
  const { code } = startRun(tx, child)
  if (code === 'badName') return 'tooLarge'
  if (code !== 'ok') return code === 'full' || code === 'tooLarge' ? code : 'stale'
  const state = waits ? unitStates.waiting : unitStates.succeeded
  const waitsFor = waits ? { waitsFor: waitReasons.subflow } : {}
  const rest = { ...(keptOf(held) ?? noRest), detail: child.run, ...waitsFor }
  writeUnit(scene, value, held, { state, readyMs, begins: { attempt }, rest })
  return undefined
}
