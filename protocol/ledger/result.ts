/** What became of a command. A value, never an exception: every replica comes to the same one. */

/** Numbers are for replies that are kept in the state: never give one a second meaning. */
export const resultCodes = {
  ok: 1,
  /** The compared revision is not the one found; `revision` is, 0 for nothing there. */
  conflict: 2,
  notFound: 3,
  /** A name is empty, too long, or has characters that names may not have. */
  badName: 4,
  /** A value or text is over its limit, or a number out of its range. */
  tooLarge: 5,
  /** A named limit is reached; nothing was changed. */
  full: 6,
  /** A newer one is already there: an epoch or a ledger version does not go back. */
  stale: 7,
  /** Bytes that are no command, or a command where it may not stand. A bug of whoever proposed it. */
  malformed: 8,
  /** Written for a ledger version that the mesh has not agreed on yet. */
  notAgreed: 9,
  /** The session is over. Not applied now; whether an earlier try was, nobody remembers. */
  sessionExpired: 10,
  /** The client had acknowledged the answer already. Not applied again. */
  forgotten: 11,
  /** Too many commands of one session are unacknowledged. Not applied; may be tried again. */
  windowFull: 12,
  /** Not by this person: nobody approves what they have started. */
  notAllowed: 13,
} as const

export type ResultCode = keyof typeof resultCodes

/** Why one transition of a `workAdvance` had no effect. Nothing of it is kept in the state. */
export type DropCode =
  /** There is no such run. */
  | 'notFound'
  /** The run, the unit, or the stage whose item it is, has ended. */
  | 'over'
  /** Another fence or another attempt is the current one, or the unit is not where this would fit. */
  | 'stale'
  /** The run is being cancelled or killed. */
  | 'stopping'
  /** It stands on an end that is not there, or on an approval that was not given. */
  | 'notYet'
  /** A part of it is an agent's still. */
  | 'busy'
  /** A text, a name or a number is none that the ledger takes: the same again will fare the same. */
  | 'tooLarge'
  /** The state has no room for what begins. Ends always find room. */
  | 'full'

export interface Dropped {
  /** Counted through all transitions of the entry, from 0. */
  readonly item: number
  readonly code: DropCode
}

export interface Result {
  readonly code: ResultCode
  /**
   * With `ok`: the index of the entry, which is the revision of what it wrote and the id of a
   * session that it opened. With `conflict` and `stale`: what was found.
   */
  readonly revision?: number
  /** Which command of a batch the code is about. */
  readonly item?: number
  /** More of the same is left to do, by another command: `sessionsExpire` works in bounded steps. */
  readonly more?: boolean
  /** Of a `workAdvance`: the transitions that did not fit. All others took effect. */
  readonly dropped?: readonly Dropped[]
}

const codeOf = new Map(Object.entries(resultCodes).map(([code, number]) => [number, code]))

export function resultCodeOf(number: number): ResultCode | undefined {
  return codeOf.get(number as (typeof resultCodes)[ResultCode]) as ResultCode | undefined
}
