/** One attempt, as the desk holds it: from the moment it is taken until its result is committed. */
import type { Assignment, Finished, Outcome } from '../../protocol/work/attempt.ts'
import { type AttemptId, type Fence, taskKey } from '../../protocol/work/fence.ts'
import type { HeldAttempt } from '../../protocol/work/messages.ts'
import type { AttemptLife } from './life.ts'

export type HeldStage =
  /** Its record is being written. */
  | 'recording'
  /** It waits for its turn. */
  | 'queued'
  /** It is being started, or runs. */
  | 'begun'
  /** Its outcome is known, and being written. */
  | 'ending'
  /** Its outcome waits in the outbox. */
  | 'over'

export interface Held {
  readonly id: AttemptId
  readonly fence: Fence
  readonly task: string
  /** Of its record, its cell, its directory and its log. Undefined for one that has none of them. */
  readonly name: string | undefined
  readonly acceptedMs: number
  stage: HeldStage
  /** Until it is over. */
  assignment: Assignment | undefined
  /** Of the assignment, encoded. */
  bytes: number
  life: AttemptLife | undefined
  /** Share of the host's cores that were busy as it began, where that is known. */
  load: number | undefined
  /** How it ends without having begun. */
  verdict: Outcome | undefined
  /** The leader wants no result: when it is over, it is forgotten. */
  unwanted: boolean
  finished: Finished | undefined
  /** Of the outcome, encoded. */
  finishedBytes: number
  /** When the leader is told again, and how often it was. */
  repeatAtMs: number
  told: number
  /** When it was last told that it runs. */
  toldRunningMs: number
}

export function newHeld(
  id: AttemptId,
  fence: Fence,
  name: string | undefined,
  acceptedMs: number,
  rest: Partial<Pick<Held, 'assignment' | 'bytes' | 'finished' | 'finishedBytes' | 'stage'>>,
): Held {
  return {
    id,
    fence,
    task: taskKey(id),
    name,
    acceptedMs,
    stage: 'recording',
    assignment: undefined,
    bytes: 0,
    life: undefined,
    load: undefined,
    verdict: undefined,
    unwanted: false,
    finished: undefined,
    finishedBytes: 0,
    repeatAtMs: 0,
    told: 0,
    toldRunningMs: 0,
    ...rest,
  }
}

export function isOver({ stage }: Held): boolean {
  return stage === 'ending' || stage === 'over'
}

export function inInventory(held: Held, nowMs: number): HeldAttempt {
  const { id, fence } = held
  if (isOver(held)) return { id, fence, state: 'finished' }
  if (held.life?.running !== true) return { id, fence, state: 'accepted' }
  return { id, fence, state: 'running', forMs: Math.max(0, Math.round(nowMs - held.acceptedMs)) }
}
