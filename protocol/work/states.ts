/**
 * The life of a run and of its units, as the ledger guards it. A unit is a stage, or one item of a
 * stage with `forEach`. Nothing is written of a unit before something happens to it: it is pending.
 *
 * Invariant: what has ended never changes. All else follows from tables that are small enough to be
 * looked at: `test/work-ledger` goes through every pair.
 */

/** Numbers are in rows of the ledger: never give one a second meaning. */
export const unitStates = {
  /** For a time, people, an event, another run, or the next try. See `waitReasons`. */
  waiting: 1,
  /** Of a stage with `forEach`: its items are known, and live their own lives. */
  open: 2,
  /** An attempt is an agent's, under a fence. Whether it has begun, the agent knows. */
  assigned: 3,
  succeeded: 4,
  failed: 5,
  skipped: 6,
  /** Stopped, or never begun because something that it needs did not succeed. */
  cancelled: 7,
} as const
export type UnitState = keyof typeof unitStates
export type UnitEnd = 'succeeded' | 'failed' | 'skipped' | 'cancelled'

/** Numbers as above. */
export const waitReasons = {
  /** Until a moment. */
  time: 1,
  approval: 2,
  signal: 3,
  /** A run of another workflow, which it has started. */
  subflow: 4,
  /** The next try is not due. */
  retry: 5,
  /** It has failed, and the stage that stands in for it is on its way. */
  fallback: 6,
} as const
export type WaitReason = keyof typeof waitReasons

export const runStates = {
  /** Until its concurrency group lets it in. */
  queued: 1,
  running: 2,
  succeeded: 3,
  failed: 4,
  cancelled: 5,
} as const
export type RunState = keyof typeof runStates
export type RunEnd = 'succeeded' | 'failed' | 'cancelled'

/** What people, or a limit, have asked of a run. It only ever grows. */
export const stopModes = {
  none: 0,
  /** What runs is stopped politely; what was done is undone, and `finally` runs. */
  cancel: 1,
  /** What runs is killed, and nothing else begins. */
  kill: 2,
} as const
export type StopMode = keyof typeof stopModes

/** What may happen to a unit. */
export type UnitEvent =
  | 'assigned'
  | 'finished'
  /** A second attempt began beside the first; one of the two ended, and left the unit to the other. */
  | 'raced'
  | 'fellOut'
  | 'settled'
  | 'waiting'
  | 'opened'
  | 'launched'

const fromIdle: readonly UnitEvent[] = ['assigned', 'settled', 'waiting', 'opened', 'launched']

/** `undefined` stands for pending. */
const lawful: Readonly<Record<UnitState | 'pending', readonly UnitEvent[]>> = {
  pending: fromIdle,
  waiting: fromIdle,
  open: ['settled'],
  assigned: ['finished', 'raced', 'fellOut'],
  succeeded: [],
  failed: [],
  skipped: [],
  cancelled: [],
}

export function mayHappen(state: UnitState | undefined, event: UnitEvent): boolean {
  return lawful[state ?? 'pending'].includes(event)
}

export function isUnitOver(state: UnitState | undefined): state is UnitEnd {
  return state !== undefined && unitStates[state] >= unitStates.succeeded
}

export function isRunOver(state: RunState): state is RunEnd {
  return runStates[state] >= runStates.succeeded
}

const unitNames = namesOf(unitStates)
const waitNames = namesOf(waitReasons)
const runNames = namesOf(runStates)
const stopNames = namesOf(stopModes)

export const unitStateOf = (number: number): UnitState | undefined => unitNames[number]
export const waitReasonOf = (number: number): WaitReason | undefined => waitNames[number]
export const runStateOf = (number: number): RunState | undefined => runNames[number]
export const stopModeOf = (number: number): StopMode | undefined => stopNames[number]

function namesOf<T extends string>(numbers: Readonly<Record<T, number>>): (T | undefined)[] {
  const names: (T | undefined)[] = []
  for (const name of Object.keys(numbers) as T[]) names[numbers[name]] = name
  return names
}
