/**
 * What an agent keeps of attempts on its disk. For each there is one record: what is asked, once it
 * is accepted; what came of it, once it is over. It goes when the leader has committed the result.
 * What takes no time and has no effect has none.
 *
 * Invariant: nothing is started before its record is synced, and no record says twice how an
 * attempt ended.
 */
import {
  field,
  type Infer,
  message,
  nested,
  optional,
  text,
  uint,
  union,
} from '../../protocol/wire/schema.ts'
import { Assignment, Finished } from '../../protocol/work/attempt.ts'
import { AttemptId, Fence } from '../../protocol/work/fence.ts'
import { stepLimits } from './limits.ts'

const Taken = message('Taken', {
  assignment: field(1, nested(Assignment)),
  /** By the calendar, as the attempt may end in another life of the agent. */
  acceptedAtMs: field(2, uint()),
})

const Over = message('Over', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  finished: field(3, nested(Finished)),
})

export const AttemptRecord = union('AttemptRecord', { taken: [1, Taken], over: [2, Over] })
export type AttemptRecord = Infer<typeof AttemptRecord>

/** Written when the step has started, and not synced: what a loss of power takes is gone anyway. */
export const StartRecord = message('StartRecord', {
  startedAtMs: field(1, uint()),
  /** What finds a cell again. */
  trace: optional(2, text(stepLimits.traceBytesMax)),
})
export type StartRecord = Infer<typeof StartRecord>

export const DeskRecord = message('DeskRecord', {
  /** Counts the lives of the agent: names made in one are never made in another. */
  life: field(1, uint()),
  /** The highest that a leader has shown. Nobody of an older one is believed, in no life. */
  term: field(2, uint()),
})
export type DeskRecord = Infer<typeof DeskRecord>

/** Of a log whose attempt is over. */
export const LogRecord = message('LogRecord', {
  id: field(1, nested(AttemptId)),
  fence: field(2, nested(Fence)),
  /** From the beginning, in files. */
  headBytes: field(3, uint()),
  /** From the end, in a file of its own. */
  tailBytes: field(4, uint()),
  /** All that was written, kept or not. */
  totalBytes: field(5, uint()),
  endedAtMs: field(6, uint()),
})
export type LogRecord = Infer<typeof LogRecord>

/** Everything of work, and nothing else, begins with `work/`. */
export const deskKey = 'work/desk'
export const attemptPrefix = 'work/attempt/'
export const startPrefix = 'work/start/'
export const logPrefix = 'work/log/'
export const copyPrefix = 'work/log-copy/'
