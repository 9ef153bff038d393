/** What each route of the audit log does. Any agent that holds the ledger answers from its copy. */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { AuditFinding, AuditVerdict } from '../../protocol/ledger/audit-check.ts'
import type { PeerHead } from '../../protocol/ledger/audit-heads.ts'
import { read } from '../../protocol/ledger/read.ts'
import { ordinal } from '../../protocol/ledger/rows.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import { auditPages, checkedLog, genuine } from '../audit/checking.ts'
import {
  type EntryWords,
  type ExportLine,
  entryLine,
  headIn,
  headLine,
  markTold,
  wordsOf,
} from '../audit/export-lines.ts'
import { isBy } from '../audit/hearsay.ts'
import { auditLimits } from '../audit/limits.ts'
import { freshState } from '../runs/fresh.ts'
import type { Handlers } from './dispatch.ts'
import { auditHeadsMax } from './limits.ts'
import { nodesOf } from './queries.ts'
import { ApiRefusal } from './refusal.ts'
import type { ReadQuery, RouteResponse } from './routes.ts'
import type { RunApiParts } from './run-parts.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type AuditRoute = 'audit' | 'auditExport' | 'auditCheck' | 'auditStanding'

export function auditHandlers({
  agent,
  ask,
}: Pick<RunApiParts, 'agent' | 'ask'>): Pick<Handlers, AuditRoute> {
  return {
    audit: async ({ query, signal }) => pageOf((await freshState(agent, signal)).state, query),
    auditExport: async ({ signal }) => {
      const heads = genuine(agent, agent.auditHeads.heads())
      return exported(agent, heads, (await freshState(agent, signal)).state)
    },
    auditCheck: ({ signal }) => checked(agent, ask, signal),
    auditStanding: async ({ parameters, signal }) => {
      const { node } = parameters
      const { name } = agent.settings
      if (node !== 'self' && node !== agent.id && node !== name) {
        return ask(node, 'auditStanding', { parameters: { node: 'self' } }, signal)
      }
      const heads = genuine(agent, agent.auditHeads.heads())
      const verdict = await verdictOf(agent, heads, signal)
      const told = heads.slice(-auditHeadsMax).map((head) => {
        const { schemaVersion: _, kind: __, name: ___, ...line } = headLine(head, '')
        return line
      })
      return { schemaVersion: SCHEMA_VERSION, node: name, verdict, heads: told }
    },
  }
}

/** Goes back from the newest, through so many entries at most. */
function pageOf(state: LedgerState, query: ReadQuery<'audit'>): RouteResponse<'audit'> {
  const { last, before = state.auditHead.sequence + 1 } = query
  const entries: EntryWords[] = []
  const kept = state.auditAnchor.sequence + 1
  let next = Math.min(before, state.auditHead.sequence + 1)
  const lowest = Math.max(kept, next - auditLimits.scanEntriesMax)
  while (next > lowest && entries.length < last) {
    const from = Math.max(lowest, next - auditLimits.sliceEntries)
    const asked = { kind: 'auditList' as const, after: ordinal(from - 1), limit: next - from }
    const { items } = read(state, asked).value
    for (const item of items.reverse()) {
      if (entries.length >= last) break
      next = item.sequence
      if (isWanted(item, query)) entries.push(wordsOf(item))
    }
    if (items.length === 0) next = from
  }
  const page = { schemaVersion: SCHEMA_VERSION, entries, kept } as const
  return next > kept ? { ...page, next } : page
}

function isWanted(entry: EntryWords, { sinceMs, actor, verb, outcome }: ReadQuery<'audit'>) {
  return (
    (sinceMs === undefined || entry.timeMs >= sinceMs) &&
    (actor === undefined || isBy(entry.actor, actor)) &&
    (verb === undefined || entry.verb === verb || entry.verb.startsWith(`${verb}.`)) &&
    (outcome === undefined || entry.outcome === outcome)
  )
}

/** `heads`: gathered before the state, which then has all that they stand for. */
async function* exported(
  agent: Agent,
  heads: readonly PeerHead[],
  state: LedgerState,
): AsyncGenerator<ExportLine> {
  yield {
    schemaVersion: SCHEMA_VERSION,
    kind: 'begin',
    mesh: agent.settings.trust.mesh,
    by: agent.id,
    after: markTold(state.auditAnchor),
    head: markTold(state.auditHead),
  }
  for (const head of heads) yield headLine(head, agent.membership.nameOf(head.peer))
  for (const items of auditPages(state, state.auditAnchor.sequence)) {
    for (const item of items) yield entryLine(item, item.row)
  }
}

async function checked(
  agent: Agent,
  ask: RunApiParts['ask'],
  signal: AbortSignal,
): Promise<RouteResponse<'auditCheck'>> {
  const others = nodesOf(agent).filter(({ self, state }) => !self && state === 'alive')
  const standings = await Promise.all(
    others.map(async ({ id, name }) => {
      try {
        const asked = { parameters: { node: 'self' } }
        return { node: name, standing: await ask(id, 'auditStanding', asked, signal) }
      } catch (error) {
        if (!(error instanceof ApiRefusal)) throw error
        return { node: name, unanswered: error.why }
      }
    }),
  )
  const told = standings.flatMap(({ standing }) => (standing?.heads ?? []).map(headOf))
  const heads = genuine(agent, [...agent.auditHeads.heads(), ...told])
  const verdict = await verdictOf(agent, heads, signal)
  const own = { node: agent.settings.name, verdict }
  const checks = standings.map(({ node, standing, unanswered }) => ({
    node,
    ...(standing === undefined ? {} : { verdict: standing.verdict }),
    ...(unanswered === undefined ? {} : { unanswered }),
  }))
  const all = [own, ...checks]
  const whole = all.every((check) => (check.verdict?.findings ?? []).length === 0)
  return { schemaVersion: SCHEMA_VERSION, whole, checks: all }
}

function headOf(line: RouteResponse<'auditStanding'>['heads'][number]): PeerHead {
  return headIn({ schemaVersion: SCHEMA_VERSION, kind: 'head', name: '', ...line })
}

/** A copy that lags is no copy that was cut: what others had seen must be here before it is judged. */
async function verdictOf(
  agent: Agent,
  heads: readonly PeerHead[],
  signal: AbortSignal,
): Promise<AuditVerdict> {
  await freshState(agent, signal)
  // Not every host of a large mesh holds the ledger.
  const holds = agent.ledger.state.index > 0
  return namedBy(agent, await checkedLog(agent, holds ? heads : [], signal))
}

/** With the names of agents, as far as they are known, in the place of their ids. */
function namedBy(agent: Agent, verdict: AuditVerdict): AuditVerdict {
  const names = (ids: readonly string[]) =>
    ids.map((id) => agent.membership.nameOf(id as PeerId)).sort()
  const findings = verdict.findings.map(
    (finding): AuditFinding =>
      finding.kind === 'changed'
        ? { ...finding, upheldBy: names(finding.upheldBy) }
        : { ...finding, by: names(finding.by) },
  )
  return { ...verdict, findings, upheldBy: names(verdict.upheldBy) }
}
