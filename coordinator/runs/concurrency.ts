/** The group that a run is to be in, by the key that its workflow gives it. */
import type { RunGroup } from '../../protocol/ledger/work-view.ts'
import { renderText } from '../../protocol/workflow/expressions/template.ts'
import type { Fields } from '../../protocol/workflow/expressions/values.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { ApiRefusal } from '../api/refusal.ts'

/** Undefined for a workflow whose runs go on side by side. */
export function groupFor({ concurrency }: Workflow, names: Fields): RunGroup | undefined {
  if (concurrency === undefined) return undefined
  const { key, limit, policy } = concurrency
  const rendered = renderText(key, names)
  if (rendered.ok) return { key: rendered.value, limit, policy }
  const { why, hint } = rendered.mistake
  throw new ApiRefusal(
    'badRequest',
    `concurrency.key of the workflow has no value: ${why}`,
    hint ?? 'mend the expression, or give other inputs',
  )
}
