/** The state of the ledger as of now, or, where nobody can vouch for it, as of when it was heard. */
import type { Agent } from '../../agent/agent.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { runLimits } from './limits.ts'

export interface Fresh {
  readonly state: LedgerState
  /** False: this side of a partition cannot know whether more has happened. */
  readonly fresh: boolean
}

export async function freshState({ ledger }: Agent, signal: AbortSignal): Promise<Fresh> {
  const timeoutMs = runLimits.freshMs
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
