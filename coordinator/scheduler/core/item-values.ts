/** The element of a list that an item of a stage stands for. */
import type { Value } from '../../../protocol/workflow/expressions/values.ts'
import { renderJson } from '../../../protocol/workflow/rendering.ts'
import { namesFor } from './names.ts'
import { need, placeOf } from './rendering.ts'
import type { Unit } from './run.ts'

/** Called within `rendered`: an element that is written out may still have no value. */
export function itemOf(parent: Unit, index: number): { value: Value; index: number } {
  const { run, plan, items } = parent
  const { list } = items!
  if (list !== undefined) return { value: list[index] as Value, index }
  const written = plan.stage.forEach!.items
  if ('kind' in written) return { value: null, index }
  const json = written[index]!
  if (json.kind === 'literal') return { value: json.value as Value, index }
  const place = placeOf(plan.stage, 'forEach', 'items', index)
  return { value: need(place, renderJson(json, namesFor(run, plan))) as Value, index }
}
