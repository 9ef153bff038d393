/**
 * How large a trace may be. It comes from anywhere: each figure is looked at before what it bounds
 * costs anything, and refused by name.
 */
import { assert } from '../../protocol/assert.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'

export const importLimits = {
  /** Of the file, packed or not. The largest trace of 2,000 tasks that we know has 2 MiB. */
  fileBytesMax: 32 * 1024 * 1024,
  /** Of what a packed file unpacks to: a bomb is stopped there, and not when memory is full. */
  textBytesMax: 32 * 1024 * 1024,
  /** Values of the JSON, keys not counted: about 50 bytes of memory each once they are read. */
  valuesMax: 2_000_000,
  /** Levels of lists and objects. Traces have six. */
  depthMax: 32,
  tasksMax: workflowLimits.stagesMax,
  /** Pairs of parent and child. Each is two words of a workflow, of which there may be 500,000. */
  edgesMax: 200_000,
  /** Letters of a task's or a file's id. */
  idLengthMax: 4_096,
  /** A year: a longer time is a mistake in the unit. */
  secondsMax: 365 * 86_400,
  coresMax: 4_096,
  timeScaleMax: 1_000,
  /** Mistakes told of one trace. What is beyond is counted. */
  mistakesMax: 20,
  /** Tasks of a circle that are named. */
  circleShownMax: 8,
} as const

assert(
  importLimits.secondsMax * 1_000 <= workflowLimits.durationMsMax,
  'a task may take as long as a stage may',
)
assert(
  importLimits.edgesMax * 2 < workflowLimits.lexemesMax,
  'the needs of a workflow must fit, whatever else is in it',
)
assert(
  importLimits.edgesMax * 2 < importLimits.valuesMax,
  'a trace names each pair twice, and must fit',
)
