/**
 * How large a workflow may be. Each is refused by name and figure as soon as it is exceeded, before
 * what is behind it is read.
 */
import { assert } from '../assert.ts'
import { expressionLimits } from './expressions/limits.ts'

export const workflowLimits = {
  /** Characters of the file. */
  textLengthMax: 4 * 1024 * 1024,
  /**
   * Words, signs and spaces of the file, which is what reading it costs: about 2 µs and 500 bytes
   * each (measured, hostile files included). A stage of three keys has about 30.
   */
  lexemesMax: 500_000,
  /**
   * Values of a text that is plain JSON, at about 0.3 µs and 150 bytes each. More than what any
   * accepted workflow comes to when all of it is written out.
   */
  jsonValuesMax: 1_000_000,
  /** Levels of lists and maps in the file. */
  documentDepthMax: 32,
  /** What all aliases together may stand for, in values: a bomb is a few lines that mean billions. */
  aliasedNodesMax: 10_000,
  /** Mistakes told at once. The rest are counted. */
  mistakesMax: 100,
  /** Characters of the file that a message quotes. */
  quoteLengthMax: 60,

  /** Stages of all sections together. */
  stagesMax: 10_000,
  /** `needs` of one stage, and targets of one branch. */
  needsMax: 10_000,
  inputsMax: 256,
  outputsMax: 256,
  labelsMax: 64,
  labelValueLengthMax: 256,
  envMax: 512,
  /** Characters of a stage's, an input's, a label's name. */
  nameLengthMax: 63,
  /** Characters of any text in a stage, a script included. */
  scriptLengthMax: 256 * 1024,
  argumentsMax: 1_024,
  itemsMax: 10_000,
  casesMax: 256,
  globsMax: 256,
  artifactGlobLengthMax: 1_024,
  descriptionLengthMax: 4_096,

  attemptsMax: 1_000,
  priorityMax: 100,
  /** A year: a longer wait is a mistake in the unit. */
  durationMsMax: 366 * 86_400_000,
  approversMax: 100,
} as const

assert(
  workflowLimits.durationMsMax * workflowLimits.attemptsMax < Number.MAX_SAFE_INTEGER,
  'all attempts together must be a time that numbers hold',
)
assert(
  expressionLimits.sourceLengthMax < workflowLimits.scriptLengthMax,
  'an expression must fit the text that it stands in',
)
