/** How large a trace may be that becomes a workflow: no larger than a workflow. */
import { traceLimits } from '../../models/traces/limits.ts'
import { assert } from '../../protocol/assert.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'

export const importLimits = {
  ...traceLimits,
  tasksMax: workflowLimits.stagesMax,
  timeScaleMax: 1_000,
} as const

assert(
  importLimits.secondsMax * 1_000 <= workflowLimits.durationMsMax,
  'a task may take as long as a stage may',
)
assert(importLimits.tasksMax <= traceLimits.tasksMax, 'what may be a workflow is read')
assert(
  importLimits.edgesMax * 2 < workflowLimits.lexemesMax,
  'the needs of a workflow must fit, whatever else is in it',
)
