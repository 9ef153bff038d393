/** Stages with `forEach`: their items are opened, kept within the limit, and counted to one end. */
import { stateLimits } from '../../../protocol/ledger/limits.ts'
import { unitStates } from '../../../protocol/work/states.ts'
import { Budget } from '../../../protocol/workflow/expressions/budget.ts'
import { attempt } from '../../../protocol/workflow/expressions/errors.ts'
import { evaluate } from '../../../protocol/workflow/expressions/evaluator.ts'
import { expressionLimits } from '../../../protocol/workflow/expressions/limits.ts'
import { jsonOf } from '../../../protocol/workflow/expressions/textual.ts'
import { isList, type Value } from '../../../protocol/workflow/expressions/values.ts'
import type { Json } from '../../../protocol/workflow/shape/shape.ts'
import { type Core, groundOf, isClosing } from './core.ts'
import { cancelled, fail, succeed } from './ends.ts'
import { schedulerLimits } from './limits.ts'
import { namesFor } from './names.ts'
import { fitting, need, placeOf, type RenderedAs, refuse, rendered } from './rendering.ts'
import type { Items, Unit } from './run.ts'

interface Listed {
  readonly count: number
  /** As JSON, where they had to be computed. */
  readonly text: string | undefined
}

export function open(core: Core, unit: Unit): void {
  const listed = listOf(unit)
  if (!listed.ok) {
    fail(core, unit, { errorClass: 'input', why: listed.why })
    return
  }
  const { count, text } = listed.value
  const { run, plan, readyMs } = unit
  const after = groundOf(core, run, plan.needs, schedulerLimits.afterMax) ?? []
  const value = { stage: plan.stage.name, items: count, readyMs, after }
  if (text !== undefined) Object.assign(value, { list: text })
  if (isClosing(unit)) Object.assign(value, { closing: true })
  core.emit(unit, { kind: 'opened', value }, 3 * (text?.length ?? 0) + 66 * after.length)
  unit.state = unitStates.open
  unit.waitsFor = undefined
  unit.items = itemsOf(count, text)
  goOn(core, unit)
}

export function itemsOf(count: number, text: string | undefined): Items {
  return {
    count,
    list: text === undefined ? undefined : (JSON.parse(text) as Json[]),
    next: 0,
    hasBegun: new Uint8Array(count),
    live: new Map(),
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    outputs: new Array(count),
    hasSucceeded: new Uint8Array(count),
    placed: new Map(),
    isStopped: false,
    firstFailure: undefined,
  }
}

function listOf({ run, plan }: Unit): RenderedAs<Listed> {
  const { stage } = plan
  const { items, onFailure } = stage.forEach!
  const place = placeOf(stage, 'forEach')
  return rendered(() => {
    let listed: Listed
    if (!('kind' in items)) listed = { count: items.length, text: undefined }
    else {
      const found = evaluate(items, namesFor(run, plan))
      const value = need(place, found)
      if (!isList(value)) refuse(place, 'its items are no list')
      const text = need(
        place,
        attempt(() => jsonOf(value as Value, new Budget(expressionLimits))),
      )
      listed = { count: value.length, text: fitting(place, text, stateLimits.runItemsBytesMax) }
    }
    if (listed.count > stateLimits.runItemsMax) {
      refuse(place, `there are ${listed.count} items, and ${stateLimits.runItemsMax} are the most`)
    }
    if (onFailure.rule === 'quorum' && onFailure.count > listed.count) {
      refuse(place, `${onFailure.count} must succeed, and there are only ${listed.count}`)
    }
    return listed
  })
}

/** As many as there may be at once. When none is left, the stage is over. */
export function goOn(core: Core, unit: Unit): void {
  const items = unit.items!
  const limit = unit.plan.stage.forEach!.limit ?? items.count
  while (!items.isStopped && items.next < items.count && items.live.size < limit) {
    const index = items.next++
    if (items.hasBegun[index] === 1) continue
    items.hasBegun[index] = 1
    const item = core.unit(unit.run, unit.plan, index, unit)
    items.live.set(index, item)
    core.later({ kind: 'begin', unit: item })
  }
  const isDone = items.isStopped || items.next >= items.count
  if (items.live.size === 0 && isDone && unit.waitsFor !== 'fallback') close(core, unit)
}

export function itemOver(core: Core, unit: Unit, item: Unit, to: number): void {
  const items = unit.items!
  items.live.delete(item.item)
  count(items, item.item, to, item.lastError?.why)
  if (cannotSucceed(unit)) stopItems(core, unit, 'another item of its stage has failed', false)
  goOn(core, unit)
}

export function count(items: Items, index: number, to: number, why: string | undefined): void {
  if (to === unitStates.succeeded) {
    items.succeeded++
    items.hasSucceeded[index] = 1
  } else if (to === unitStates.failed) {
    items.failed++
    items.firstFailure ??= `item ${index}: ${why ?? 'it failed'}`
  } else items.cancelled++
}

/** Whatever becomes of the rest; under `continue`, the rest runs all the same. */
export function cannotSucceed({ plan, items }: Unit): boolean {
  const { onFailure } = plan.stage.forEach!
  const { failed, cancelled: stopped, count: all } = items!
  if (onFailure.rule === 'continue') return false
  if (onFailure.rule === 'failFast') return failed > 0
  return all - failed - stopped < onFailure.count
}

export function stopItems(core: Core, unit: Unit, why: string, atOnce: boolean): void {
  const items = unit.items!
  if (items.isStopped && !atOnce) return
  items.isStopped = true
  for (const item of items.live.values()) core.later({ kind: 'cancel', unit: item, why, atOnce })
}

function close(core: Core, unit: Unit): void {
  const { items, cancelling, plan } = unit
  const { succeeded, failed, count: all, firstFailure } = items!
  const { onFailure } = plan.stage.forEach!
  const enough = onFailure.rule === 'quorum' ? onFailure.count : all
  if (cancelling !== undefined && succeeded < all) {
    cancelled(core, unit, cancelling.why)
    return
  }
  if (succeeded >= enough) {
    const outputs = outputsOf(unit)
    if (outputs === undefined || Buffer.byteLength(outputs) <= stateLimits.runOutputsBytesMax) {
      succeed(core, unit, outputs)
    } else {
      const why = `outputs of its items come to more than ${stateLimits.runOutputsBytesMax} bytes; hand on files`
      fail(core, unit, { errorClass: 'input', why })
    }
  } else if (failed === 0) cancelled(core, unit, 'items of it were cancelled')
  else {
    const why = `${failed} of ${all} items failed; ${firstFailure}`
    fail(core, unit, { errorClass: 'transient', why })
  }
}

/** A list in the order of the items; null for one that did not succeed. */
function outputsOf({ items, plan }: Unit): string | undefined {
  const { outputs, hasSucceeded, count: all } = items!
  let isAny = plan.isRead
  const parts: string[] = []
  for (let i = 0; i < all; i++) {
    const own = outputs[i]
    isAny ||= own !== undefined
    parts.push(hasSucceeded[i] === 0 ? 'null' : (own ?? '{}'))
  }
  return isAny ? `[${parts.join(',')}]` : undefined
}
