/**
 * What the ledger needs done that no client asks for: a pure function of what it holds, who takes
 * part and what time it is. Whoever leads proposes it; the state machine checks it all again.
 */
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { hasIdleSession } from '../../protocol/ledger/commands/sessions.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'

export interface Chore {
  readonly command: Command
  readonly why: string
}

/** One that holds the ledger, as the leader sees it. */
export interface Holder {
  readonly name: string
  readonly votes: boolean
  readonly alive: boolean
  /** The newest ledger version that its program understands; undefined while it has not said. */
  readonly supports: number | undefined
}

export function nextChore(
  state: LedgerState,
  holders: readonly Holder[],
  timeMs: number,
): Chore | undefined {
  if (hasIdleSession(state, timeMs))
    return { command: { kind: 'sessionsExpire', value: {} }, why: 'sessions are idle' }
  const version = understoodByAll(holders)
  if (version === undefined || version <= state.version) return undefined
  const why = `all ${holders.length} hosts with the ledger understand version ${version}`
  return { command: { kind: 'versionRaise', value: { to: version } }, why }
}

/**
 * The version that everybody understands. A voter counts also while it is gone: it would come back
 * to a ledger that it cannot follow. A learner that is gone is not waited for; it has no vote to
 * lose, and stops until it is upgraded.
 */
function understoodByAll(holders: readonly Holder[]): number | undefined {
  let least: number | undefined
  for (const { votes, alive, supports } of holders) {
    if (!votes && !alive) continue
    if (supports === undefined) return undefined
    least = Math.min(least ?? supports, supports)
  }
  return least
}
