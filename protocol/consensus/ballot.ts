/** Votes, asked for and answered (§5.2, §5.4.1), and the pre-votes that change nothing (§9.6). */
import type { PeerId } from '../identity/peer-id.ts'
import type { PreVoteAnswer, PreVoteRequest, VoteAnswer, VoteRequest } from './messages.ts'
import type { Office } from './office.ts'

export function preVoteAsked(office: Office, from: PeerId, ask: PreVoteRequest): void {
  const { node } = office
  if (office.isLoyal && ask.term > node.term) return
  const granted =
    ask.term > node.term && node.isUpToDate({ index: ask.lastIndex, term: ask.lastTerm })
  const value = { term: granted ? ask.term : node.term, storage: node.storage, granted }
  node.outbox.sendAfterTerm(from, { kind: 'preVoteAnswer', value })
}

export function preVoteAnswered(office: Office, from: PeerId, answer: PreVoteAnswer): void {
  const { node, role } = office
  if (!answer.granted && answer.term > node.term) {
    node.enterTerm(answer.term)
    return office.follow(undefined, 'a later term')
  }
  if (role.kind !== 'preCandidate' || !node.isAdmitted(from, answer.storage)) return
  if (answer.granted ? answer.term !== node.term + 1 : answer.term !== node.term) return
  role.count(from, answer.granted)
  office.weigh(role)
}

export function voteAsked(office: Office, from: PeerId, ask: VoteRequest): void {
  const { node, role } = office
  if (!ask.handover && office.isLoyal) return
  const mayVote = node.vote === from || (node.vote === undefined && role.leader === undefined)
  const granted = mayVote && node.isUpToDate({ index: ask.lastIndex, term: ask.lastTerm })
  const value = { term: node.term, storage: node.storage, granted }
  if (!granted) return node.outbox.sendAfterTerm(from, { kind: 'voteAnswer', value })
  node.voteFor(from)
  node.drawElectionDue()
  node.outbox.sendAfterLog(from, { kind: 'voteAnswer', value })
}

export function voteAnswered(office: Office, from: PeerId, answer: VoteAnswer): void {
  const { role } = office
  if (role.kind !== 'candidate' || !office.node.isAdmitted(from, answer.storage)) return
  role.count(from, answer.granted)
  office.weigh(role)
}
