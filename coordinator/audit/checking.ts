/** Checks the log that this agent holds, in short slices, against the heads of everybody. */
import type { Agent } from '../../agent/agent.ts'
import { AuditCheck, type AuditVerdict } from '../../protocol/ledger/audit-check.ts'
import { isHeadOf, type PeerHead } from '../../protocol/ledger/audit-heads.ts'
import type { AuditItem, Page } from '../../protocol/ledger/queries.ts'
import { read } from '../../protocol/ledger/read.ts'
import { ordinal } from '../../protocol/ledger/rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { auditLimits } from './limits.ts'

/** Those whose signature holds; one that is forged says nothing. */
export function genuine(agent: Agent, heads: Iterable<PeerHead>): PeerHead[] {
  const { verify } = agent.settings
  const seen = new Set<string>()
  return [...heads].filter((head) => {
    const key = `${head.peer} ${head.sequence} ${Buffer.from(head.hash).toString('hex')}`
    if (seen.has(key)) return false
    seen.add(key)
    return isHeadOf(head, verify)
  })
}

/** `heads`: genuine ones. */
export async function checkedLog(
  agent: Agent,
  heads: readonly PeerHead[],
  signal: AbortSignal,
): Promise<AuditVerdict> {
  const { state } = agent.ledger
  const check = new AuditCheck(state.auditAnchor, heads)
  for (const rows of auditPages(state, state.auditAnchor.sequence)) {
    for (const { row } of rows) check.take(row)
    if (signal.aborted) break
    await new Promise<void>((resolve) => agent.ports.clock.after(0, resolve))
  }
  return check.finish(state.auditHead)
}

/** All entries after that one, in order. */
export function* auditPages(state: LedgerState, after: number): Generator<AuditItem[]> {
  const limit = auditLimits.sliceEntries
  let from: string | undefined = ordinal(after)
  while (from !== undefined) {
    const query: { kind: 'auditList'; limit: number; after: string } = {
      kind: 'auditList',
      limit,
      after: from,
    }
    const { items, next }: Page<AuditItem> = read(state, query).value
    if (items.length > 0) yield items
    from = next
  }
}
