/**
 * Where messages come in: terms first, then who should hear them. What is said in an earlier term is
 * past; what is said in a later one makes this node a follower there, unless it is of a later era.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { preVoteAnswered, preVoteAsked, voteAnswered, voteAsked } from './ballot.ts'
import type { Heartbeat, RaftFrame } from './messages.ts'
import type { Office } from './office.ts'

export function take(office: Office, from: PeerId, frame: RaftFrame): void {
  const { node } = office
  if (from === node.id) return
  if (node.isPassedBy(frame.value.term)) return node.eraPassed(from, frame.value.term)
  if (isOfThisTerm(office, from, frame)) dispatch(office, from, frame)
}

/** Compares terms, and follows a later one. False when the message is to go no further. */
function isOfThisTerm(office: Office, from: PeerId, frame: RaftFrame): boolean {
  const { node } = office
  const { term } = frame.value
  if (frame.kind === 'preVoteRequest' || frame.kind === 'preVoteAnswer') return true
  if (term < node.term) {
    answerStale(office, from, frame)
    return false
  }
  if (term === node.term) return true
  // Whoever has a leader does not help to depose it: a lease may count on that.
  if (frame.kind === 'voteRequest' && !frame.value.handover && office.isLoyal) return false
  const leads =
    frame.kind === 'append' || frame.kind === 'heartbeat' || frame.kind === 'snapshotChunk'
  node.enterTerm(term)
  office.follow(leads ? from : undefined, 'a later term')
  return true
}

/**
 * A leader of an earlier term has to learn of the later one, or a node that has moved on alone
 * could never come back; other messages of an earlier term mean nothing.
 */
function answerStale(office: Office, from: PeerId, frame: RaftFrame): void {
  const { term, storage, outbox } = office.node
  if (frame.kind === 'voteRequest') {
    const value = { term, storage, granted: false }
    outbox.sendAfterTerm(from, { kind: 'voteAnswer', value })
  } else if (
    frame.kind === 'append' ||
    frame.kind === 'heartbeat' ||
    frame.kind === 'snapshotChunk'
  ) {
    const value = { term, storage, round: 0, verified: 0 }
    outbox.sendAfterTerm(from, { kind: 'heartbeatAnswer', value })
  }
}

function dispatch(office: Office, from: PeerId, frame: RaftFrame): void {
  const { role, node } = office
  switch (frame.kind) {
    case 'preVoteRequest':
      return preVoteAsked(office, from, frame.value)
    case 'preVoteAnswer':
      return preVoteAnswered(office, from, frame.value)
    case 'voteRequest':
      return voteAsked(office, from, frame.value)
    case 'voteAnswer':
      return voteAnswered(office, from, frame.value)
    case 'append':
      return office.following(from)?.append(from, frame.value)
    case 'commitNotice':
      return office.following(from)?.learnCommit(frame.value.commit)
    case 'heartbeat':
      return heartbeatCame(office, from, frame.value)
    case 'snapshotChunk': {
      const follower = office.following(from)
      if (follower) node.receiver.receive(node, follower, from, frame.value)
      return
    }
    case 'appendAnswer':
      return role.kind === 'leader' ? role.appendAnswer(from, frame.value) : undefined
    case 'heartbeatAnswer':
      return role.kind === 'leader' ? role.heartbeatAnswer(from, frame.value) : undefined
    case 'chunkAnswer':
      return role.kind === 'leader' ? role.chunkAnswer(from, frame.value) : undefined
    case 'timeoutNow':
      if (role.kind === 'follower' && role.leader === from && office.node.isElectable)
        office.stand('candidate', true, 'asked by the leader')
      return
    case 'readRequest':
      return readAsked(office, from, frame.value.id)
    case 'readAnswer':
      if (role.kind === 'follower' && role.leader === from)
        role.reads.answered(frame.value.id, frame.value.index)
      return
  }
}

function heartbeatCame(office: Office, from: PeerId, { commit, round }: Heartbeat): void {
  const follower = office.following(from)
  if (follower === undefined) return
  follower.learnCommit(commit)
  const { term, storage, outbox } = office.node
  const value = { term, storage, round, verified: follower.verified }
  outbox.sendAfterTerm(from, { kind: 'heartbeatAnswer', value })
}

function readAsked(office: Office, from: PeerId, id: number): void {
  const { role, node } = office
  if (role.kind === 'leader' && role.reads.size < node.limits.readsPendingMax)
    return role.readFor(from, id)
  const value = { term: node.term, id }
  node.outbox.sendAfterTerm(from, { kind: 'readAnswer', value })
}
