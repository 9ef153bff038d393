/**
 * How large a trace may be. It comes from anywhere: each figure is looked at before what it bounds
 * costs anything, and refused by name.
 */
import { assert } from '../../protocol/assert.ts'

export const traceLimits = {
  /** Of the file, packed or not. The largest trace of 2,000 tasks that we know has 2 MiB. */
  fileBytesMax: 32 * 1024 * 1024,
  /** Of what a packed file unpacks to: a bomb is stopped there, and not when memory is full. */
  textBytesMax: 32 * 1024 * 1024,
  /** Values of the JSON, keys not counted: about 50 bytes of memory each once they are read. */
  valuesMax: 2_000_000,
  /** Levels of lists and objects. Traces have six. */
  depthMax: 32,
  tasksMax: 100_000,
  /** Pairs of parent and child. */
  edgesMax: 200_000,
  /** Letters of a task's or a file's id. */
  idLengthMax: 4_096,
  /** A year: a longer time is a mistake in the unit. */
  secondsMax: 365 * 86_400,
  coresMax: 4_096,
  /** Lines of a table in CSV. */
  linesMax: 1_000_000,
  /** Fields of a line. */
  columnsMax: 64,
  /** Mistakes told of one trace. What is beyond is counted. */
  mistakesMax: 20,
  /** Tasks of a circle that are named. */
  circleShownMax: 8,
} as const

assert(
  traceLimits.edgesMax * 2 < traceLimits.valuesMax,
  'a trace names each pair twice, and must fit',
)
