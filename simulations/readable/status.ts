/** What a core tells of itself, for people: one line for the node, and one for each peer of a leader. */
import type { PeerStatus, RaftStatus } from '../../protocol/consensus/status.ts'
import { describeConfig, describePosition, describeTerm, type NameOf } from './entries.ts'

export function describeStatus(status: RaftStatus, nameOf: NameOf): string[] {
  const { id, role, term, vote, leader, config, configIndex, transferTo, recovering } = status
  const end = describePosition({ index: status.lastIndex, term: status.lastTerm })
  const parts = [
    `${nameOf(id)} ${role} in ${describeTerm(term)}`,
    `leader ${leader === undefined ? 'unknown' : nameOf(leader)}`,
    vote === undefined ? 'no vote' : `vote ${nameOf(vote)}`,
    `log ${status.firstIndex} to ${end}`,
    `persisted ${status.persisted}`,
    `commit ${status.commit}`,
    `applied ${status.handedOut}`,
    `config at ${configIndex} (${describeConfig(config, nameOf)})`,
  ]
  if (recovering) parts.push('recovering')
  if (transferTo !== undefined) parts.push(`hands over to ${nameOf(transferTo)}`)
  return [parts.join(', '), ...status.peers.map((peer) => describePeer(peer, nameOf))]
}

export function describePeer(peer: PeerStatus, nameOf: NameOf): string {
  const { id, state, match, next, inflight } = peer
  const waiting = inflight === 0 ? '' : ` inflight ${inflight}`
  return `  ${nameOf(id)}: ${state} match ${match} next ${next}${waiting}`
}
