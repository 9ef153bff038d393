/**
 * One part of an agent as the graph remembers it, and the state that people are shown. The state
 * is derived, never stored: from what the part last did, and from what it needs. So a need that
 * returns makes its dependants ready again without anybody having to remember to.
 */
import type { Timer } from '../../protocol/ports/clock.ts'
import { Problem } from '../../protocol/problem.ts'
import type { ModuleSpec, ModuleState } from './module.ts'

/** What is wanted of a part: nothing yet, that it runs, or that it does not, and by whom. */
export type Wish = 'none' | 'run' | 'stoppedByHand' | 'closing'

export interface Part {
  readonly spec: ModuleSpec
  /** Needs, and needs of needs, in start order. */
  readonly upstream: readonly Part[]
  wish: Wish
  /** `start` has succeeded, and it has neither failed nor been stopped since. */
  running: boolean
  /** `start` was called and no `stop` has returned since. Invariant: running implies dirty. */
  dirty: boolean
  /** The call to `start` or `stop` that has not settled yet, also after its deadline. */
  call: 'start' | 'stop' | undefined
  /** Why its last attempt or run ended badly. */
  failure: Failure | undefined
  /** Its own word while running. */
  ownTrouble: string | undefined
  /** Set while the wait before a restart lasts. */
  retry: Timer | undefined
  /** Since when it has been running, for telling a relapse from a new failure. */
  runningSinceMs: number
  failuresInRow: number
  restarts: number
  /** Counts calls to `start`; a handle from an earlier one has no say. */
  attempt: number
  /** Gives up the start that is under way. */
  abort: AbortController | undefined
  shown: Shown
  shownSinceMs: number
}

export interface Failure {
  why: string
  cause: unknown
}

export interface Shown {
  state: ModuleState
  why: string | undefined
}

export function newPart(spec: ModuleSpec, upstream: readonly Part[], nowMs: number): Part {
  return {
    spec,
    upstream,
    wish: 'none',
    running: false,
    dirty: false,
    call: undefined,
    failure: undefined,
    ownTrouble: undefined,
    retry: undefined,
    runningSinceMs: 0,
    failuresInRow: 0,
    restarts: 0,
    attempt: 0,
    abort: undefined,
    shown: { state: 'stopped', why: undefined },
    shownSinceMs: nowMs,
  }
}

/** Nothing is left of an earlier life, nothing forbids it, and all that it needs runs. */
export function mayStart(part: Part): boolean {
  return (
    part.wish === 'run' &&
    !part.dirty &&
    part.call === undefined &&
    part.retry === undefined &&
    part.upstream.every((need) => !isNeed(part, need) || need.running)
  )
}

/** It runs and should not, or it has failed and left something behind. */
export function mustStop(part: Part): boolean {
  return part.dirty && part.call === undefined && (part.wish !== 'run' || !part.running)
}

export function shownState(part: Part): Shown {
  if (part.running) {
    const why = firstOf(part.upstream, (need) => !need.running) ?? part.ownTrouble
    return { state: why === undefined ? 'ready' : 'degraded', why }
  }
  if (part.failure !== undefined) return { state: 'failed', why: part.failure.why }
  if (part.call === 'start') return { state: 'starting', why: undefined }
  if (part.call === 'stop') return { state: 'degraded', why: 'it is being stopped' }
  if (part.wish !== 'run') return { state: 'stopped', why: whyStopped[part.wish] }
  const lost = firstOf(
    part.upstream,
    (need) => !need.running && (need.failure !== undefined || need.wish !== 'run'),
  )
  if (lost !== undefined) return { state: 'degraded', why: `it waits to start: ${lost}` }
  return { state: 'stopped', why: 'its turn to start has not come' }
}

const whyStopped = {
  none: undefined,
  stoppedByHand: 'it was stopped by hand',
  closing: 'the agent is stopping',
} as const

/** Upstream is in start order: the first that is in trouble is a cause, and waits for no other. */
function firstOf(
  upstream: readonly Part[],
  inTrouble: (need: Part) => boolean,
): string | undefined {
  const need = upstream.find(inTrouble)
  if (need === undefined) return undefined
  const { name } = need.spec
  if (need.failure !== undefined) return `${name} has failed`
  if (need.wish !== 'run') return `${name} is stopped`
  return need.call === 'start' ? `${name} is starting` : `${name} is down`
}

function isNeed(part: Part, other: Part): boolean {
  return part.spec.needs.includes(other.spec.name)
}

export function fail(part: Part, why: string, cause?: unknown): void {
  part.failure = { why, cause }
  part.running = false
}

/** What a person reads of something thrown: a refusal's own words, or the first line of an error. */
export function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.why
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.split('\n', 1)[0]!
}
