/** The state of the ledger as of now, or, where nobody can vouch for it, as of when it was heard. */
import type { Agent } from '../../agent/agent.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { ApiRefusal } from '../api/refusal.ts'
import { runLimits } from './limits.ts'

export interface Fresh {
  readonly state: LedgerState
  /** False: this side of a partition cannot know whether more has happened. */
  readonly fresh: boolean
}

/** What is not found where nobody vouches for the state may be there all the same. */
export async function inFreshState<T>(
  agent: Agent,
  signal: AbortSignal,
  use: (state: LedgerState, fresh: boolean) => T | Promise<T>,
): Promise<T> {
  const { state, fresh } = await freshState(agent, signal)
  try {
    return await use(state, fresh)
  } catch (error) {
    if (fresh || !(error instanceof ApiRefusal) || error.code !== 'notFound') throw error
    // An agent that has just begun may not have met the leader: that is worth a longer wait.
    const later = await freshState(agent, signal, runLimits.notFoundMs)
    if (later.fresh) return use(later.state, true)
    const why = `${error.why} as far as this agent knows, and nobody tells it now whether that holds`
    throw new ApiRefusal('unreachable', why, 'ask again in a moment, or another with --address')
  }
}

export async function freshState(
  { ledger }: Pick<Agent, 'ledger'>,
  signal: AbortSignal,
  timeoutMs: number = runLimits.freshMs,
): Promise<Fresh> {
  const asked = await ledger.read(
    { kind: 'status' },
    { consistency: 'linearizable', timeoutMs, signal },
  )
  if (asked.kind !== 'read') return { state: ledger.state, fresh: false }
  if (ledger.state.index >= asked.index) return { state: ledger.state, fresh: true }
  const caughtUp = await ledger.read(
    { kind: 'status' },
    { consistency: { atLeast: asked.index }, timeoutMs, signal },
  )
  return { state: ledger.state, fresh: caughtUp.kind === 'read' }
}
