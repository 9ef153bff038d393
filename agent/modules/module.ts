/**
 * What a part of an agent is to the graph that starts, watches and stops it, and what the graph
 * tells of it.
 */

export type ModuleState = 'stopped' | 'starting' | 'ready' | 'degraded' | 'failed'

/** A part's own word about itself while it runs. After it was stopped, its words are ignored. */
export interface ModuleHandle {
  /** It works, but less well. Dependants are not touched. */
  degraded(why: string): void
  /** It works as it should again. */
  recovered(): void
  /** It does not work any more: the graph stops it and starts it again. */
  failed(why: string, cause?: unknown): void
}

export interface ModuleSpec {
  readonly name: string
  /** Among parts that could start, the lower number goes first. */
  readonly priority: number
  /** Parts that must have started before this one does. */
  readonly needs: readonly string[]
  /**
   * Makes the part work; throwing means that it failed. Called only while every need runs, and
   * never again before `stop` has returned. The signal says: give up, soon.
   */
  start(signal: AbortSignal, handle: ModuleHandle): Promise<void> | void
  /** Called once after every `start`, also one that threw or gave up, and must cope with half of it. */
  stop(): Promise<void> | void
}

export interface ModuleStatus {
  name: string
  priority: number
  needs: string[]
  state: ModuleState
  /** Since the state last changed. */
  stateAgeMs: number
  /** How often the graph has started it again after a failure. */
  restarts: number
  /** Why it is not ready. */
  why?: string
}

export interface ModuleEvent {
  name: string
  was: ModuleState
  state: ModuleState
  why?: string
  /** What was thrown, when it has just failed. */
  cause?: unknown
}

/** What an operator's command came to. */
export type ModuleOutcome =
  | { ok: true }
  | { ok: false; code: 'unknown' | 'closing' | 'failed'; why: string }
