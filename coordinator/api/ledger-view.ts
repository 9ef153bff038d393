/** The ledger in the words of the API: where each node stands, and whether all hold the same. */
import type { Agent } from '../../agent/agent.ts'
import type { MemberView } from '../../agent/membership/view.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import type { LedgerStatus, NodeLedger } from './schemas.ts'

/** Digits of a digest that travel in gossip. */
const DIGEST_DIGITS = 16

export function nodeLedgerOf({ digest, digestAgeMs }: MemberView): NodeLedger | undefined {
  const { ledger } = digest
  if (!ledger) return undefined
  const { leads, votes, stopped, term, commit, applied } = ledger
  const part = stopped ? 'stopped' : leads ? 'leader' : votes ? 'voter' : 'learner'
  return { ageMs: Math.round(digestAgeMs), part, term, commit, applied, digest: ledger.digest }
}

/** As this agent sees it. Undefined while its ledger is stopped. */
export function ledgerStatusOf(agent: Agent): LedgerStatus | undefined {
  const { ledger, membership } = agent
  const status = ledger.status()
  if (!status) return undefined
  const { state } = ledger
  const { config } = status
  const leader = status.leader
  const members = membership.members()
  const alive = new Set(members.filter((m) => m.self || m.state === 'alive').map(({ id }) => id))
  const reachable = config.voters.filter(({ id }) => alive.has(id)).length
  return {
    ...(leader === undefined ? {} : { leader: membership.nameOf(leader) }),
    role: status.role,
    term: status.term,
    voters: config.voters.map(({ id }) => membership.nameOf(id)),
    learners: config.learners.map(({ id }) => membership.nameOf(id)),
    changing: config.outgoing.length > 0,
    reachable,
    needed: Math.floor(config.voters.length / 2) + 1,
    commit: status.commit,
    applied: state.index,
    lastIndex: status.lastIndex,
    lastTerm: status.lastTerm,
    digest: digestOf(state).slice(0, DIGEST_DIGITS),
    diverged: divergedOf(members),
    rows: state.rows.size,
    stateBytes: state.bytes,
    logBytes: status.logBytes,
    snapshotIndex: status.snapshotIndex,
    version: state.version,
    recovering: status.recovering,
    damage: [...ledger.damage],
  }
}

/** Nodes whose digest differs from that of others at the very same entry. */
function divergedOf(members: readonly MemberView[]): string[] {
  const seen = new Map<number, { digest: string; name: string }>()
  const diverged = new Set<string>()
  for (const {
    digest: { ledger },
    profile,
    id,
  } of members) {
    if (!ledger) continue
    const name = profile?.name ?? id.slice(-8)
    const first = seen.get(ledger.applied)
    if (!first) seen.set(ledger.applied, { digest: ledger.digest, name })
    else if (first.digest !== ledger.digest) diverged.add(first.name).add(name)
  }
  return [...diverged]
}
