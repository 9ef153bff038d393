/** The numbers that the supervision of an agent's parts lives by. */
import { assert } from '../../protocol/assert.ts'

export const limits = {
  /** Parts of one agent. They are declared in code: more than this is a loop gone wrong. */
  modulesMax: 64,
  /** A part that has not started by then has failed. Opening a large store after SIGKILL takes seconds. */
  startDeadlineMs: 15_000,
  /** How long a part is waited for when it is told to stop, or to give up a start. */
  stopDeadlineMs: 5_000,
  /** The wait before the first restart; it doubles with each failure in a row. */
  restartFirstMs: 500,
  /**
   * The longest wait. Restarts go on at this pace for as long as the agent lives: what failed was
   * often outside (a full disk, a lost address), and heals without anyone telling us.
   */
  restartMostMs: 30_000,
  /** A part that ran this long before it failed starts again from the first wait. */
  steadyAfterMs: 60_000,
  /** The share of a wait that chance may take away, so that hosts that failed together do not return together. */
  restartJitter: 0.5,
} as const

export type ModuleLimits = { readonly [K in keyof typeof limits]: number }

assert(limits.restartFirstMs < limits.restartMostMs, 'waits grow')
assert(
  limits.steadyAfterMs > limits.restartMostMs,
  'a part that fails as soon as it is back is not steady',
)
assert(limits.restartJitter >= 0 && limits.restartJitter < 1, 'a wait never shrinks to nothing')
