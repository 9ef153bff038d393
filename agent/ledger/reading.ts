/** When this host's copy may answer: at once, once it has come so far, or once a quorum agrees. */
import type { LedgerRefusal, ReadOptions } from '../../protocol/ledger/ledger.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { ledgerLimits } from './limits.ts'
import { within } from './patience.ts'
import type { Standing } from './standing.ts'

/** Undefined when the state may be read now, as the options ask for. */
export async function readable(
  standing: Standing,
  clock: Clock,
  { consistency, timeoutMs, signal }: ReadOptions,
): Promise<LedgerRefusal | undefined> {
  if (standing.stopped) return standing.stopped
  if (consistency === 'local') return undefined
  const deadlineMs = clock.now() + timeoutMs
  const index =
    typeof consistency === 'object'
      ? consistency.atLeast
      : await confirmed(standing, clock, deadlineMs, signal)
  if (typeof index === 'object') return index
  while (standing.state.index < index) {
    signal?.throwIfAborted()
    const leftMs = deadlineMs - clock.now()
    if (leftMs <= 0) return standing.noQuorum()
    await within(clock, leftMs, standing.changed(signal))
  }
  return undefined
}

/** The index that a quorum confirms for a read asked for now. */
async function confirmed(
  standing: Standing,
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<number | LedgerRefusal> {
  for (let retryMs: number = ledgerLimits.leaderRetryMs; ; ) {
    signal?.throwIfAborted()
    const leftMs = deadlineMs - clock.now()
    const { voter } = standing
    if (leftMs <= 0 || !voter) return standing.noQuorum()
    const outcome = await within(clock, leftMs, voter.read('safe'))
    if (!outcome) return standing.noQuorum()
    if (outcome.ok) return outcome.index
    if (outcome.reason === 'backlogFull') return { kind: 'refused', why: 'overloaded' }
    await standing.leaderMoves(clock, Math.min(retryMs, leftMs))
    retryMs = Math.min(2 * retryMs, ledgerLimits.leaderRetryMsMax)
  }
}
