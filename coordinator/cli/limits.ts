/** How long the command line waits, and how much it takes. Tests give limits of their own. */
export interface ClientLimits {
  /** From the call until its whole answer is here, or until a stream has begun. */
  answerDeadlineMs: number
  /** Size of an answer that is not a stream. A larger one is no answer of an agent. */
  answerBytesMax: number
  /** Length of one document of a stream. */
  lineLengthMax: number
  /** After so long without a byte, the other end of a stream is asked whether it still exists. */
  keepAliveMs: number
}

export const clientLimits: ClientLimits = {
  answerDeadlineMs: 10_000,
  answerBytesMax: 64 * 1024 * 1024,
  lineLengthMax: 1024 * 1024,
  keepAliveMs: 15_000,
}

/** So long an emergency stop waits for the agent that is asked before the peers are told themselves. */
export const STOP_DEADLINE_MS = 2_000

/**
 * A change for all hosts may come upon an election, is written by whoever leads then, and is answered
 * when hosts have said that they go by it.
 */
export const CHANGE_DEADLINE_MS = 25_000

/** How a follower comes back when its stream has broken. */
export interface ResumeLimits {
  /** Between two tries: the first, doubled each time up to the last. */
  pauseMsMin: number
  pauseMsMax: number
  /** How often in a row, without a single answer. Some ten minutes: time for a host to start again. */
  triesMax: number
}

export const resumeLimits: ResumeLimits = { pauseMsMin: 250, pauseMsMax: 5_000, triesMax: 120 }

/** What an agent keeps of its past, and so the most that can be asked for. */
export const EVENTS_MAX = 1_000
/** So long events that may become one line are held back: modules start within some tens of it. */
export const EVENTS_HELD_MS = 500
/** Entries of the audit log that are shown at once. */
export const AUDIT_MAX = 500
/** The longest history that `nodes show` may ask for: a day. */
export const HISTORY_MINUTES_MAX = 1_440
