/**
 * Functions that every agent brings along, called by `skein:NAME`. They run where the agent does,
 * without a thread, so none of them may ever compute for long.
 */
import { parseDuration } from '../../../protocol/units.ts'
import { errorClasses } from '../../../protocol/workflow/model.ts'
import { stepLimits } from '../limits.ts'
import type { StepEnd } from './executor.ts'
import { endWithValue } from './outputs.ts'

/** What the stage says under `with`. */
export type With = Readonly<Record<string, unknown>>

export type BuiltIn =
  /** Has no effect, takes no time, and may be done twice. */
  | { kind: 'instant'; end(given: With): StepEnd }
  /** Ends so, after so long. */
  | { kind: 'timer'; delayMs(given: With): number | string; end(given: With): StepEnd }

const done: StepEnd = { kind: 'succeeded' }

export const PREFIX = 'skein:'

export const builtIns: ReadonlyMap<string, BuiltIn> = new Map<string, BuiltIn>([
  ['noop', { kind: 'instant', end: () => done }],
  /** Hands on what it is given. */
  ['echo', { kind: 'instant', end: (given) => endWithValue(given, 'what it was given') }],
  /** Fails: `class`, `message`. */
  ['fail', { kind: 'instant', end: failed }],
  /** Takes `for`: a duration, or milliseconds. */
  ['sleep', { kind: 'timer', delayMs: delayOf, end: () => done }],
])

function failed(given: With): StepEnd {
  const errorClass = errorClasses.find((known) => known === given.class) ?? 'bug'
  const message = typeof given.message === 'string' ? given.message : 'it was asked to fail'
  return { kind: 'failed', errorClass, code: 'asked', message }
}

/** Or what is wrong with it. */
function delayOf(given: With): number | string {
  const said = given.for
  const read = typeof said === 'string' ? parseDuration(said) : undefined
  const ms = read?.ok === true ? read.value : said
  const lawful = typeof ms === 'number' && ms >= 0 && ms <= stepLimits.sleepMsMax
  return lawful ? ms : 'skein:sleep takes `for`, a duration such as 500ms or milliseconds'
}
