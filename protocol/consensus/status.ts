/** What `skein status` and the metrics tell of a voter. A copy: nothing in it changes afterwards. */
import type { PeerId } from '../identity/peer-id.ts'
import type { Candidacy } from './candidacy.ts'
import type { Follower } from './follower.ts'
import type { Leadership } from './leadership.ts'
import type { Config } from './messages.ts'
import type { Node } from './node.ts'
import type { ProgressState } from './progress.ts'
import type { RoleName } from './ready.ts'

export interface PeerStatus {
  readonly id: PeerId
  readonly state: ProgressState
  readonly match: number
  readonly next: number
  readonly inflight: number
  readonly heardMsAgo: number
}

export interface RaftStatus {
  readonly id: PeerId
  readonly role: RoleName
  readonly term: number
  readonly vote: PeerId | undefined
  readonly leader: PeerId | undefined
  readonly firstIndex: number
  readonly lastIndex: number
  readonly lastTerm: number
  readonly commit: number
  readonly persisted: number
  readonly handedOut: number
  readonly snapshotIndex: number
  readonly logBytes: number
  readonly backlogBytes: number
  readonly recovering: boolean
  readonly config: Config
  /** Where it stands in the log: what a change has to be based on. */
  readonly configIndex: number
  /** At the leader only. */
  readonly peers: readonly PeerStatus[]
  readonly transferTo: PeerId | undefined
  readonly leaseUntilMs: number | undefined
}

export function statusOf(node: Node, role: Follower | Candidacy | Leadership): RaftStatus {
  const { log, config } = node
  const leads = role.kind === 'leader' ? role : undefined
  return {
    id: node.id,
    role: role.kind,
    term: node.term,
    vote: node.vote,
    leader: role.leader,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    commit: log.commit,
    persisted: log.persisted,
    handedOut: log.handedOut,
    snapshotIndex: log.snapshot.index,
    logBytes: log.bytes,
    backlogBytes: log.backlogBytes,
    recovering: node.recovering,
    config: config.config,
    configIndex: config.index,
    peers: [...(leads?.peers.values() ?? [])].map((peer) => ({
      id: peer.id,
      state: peer.state,
      match: peer.match,
      next: peer.next,
      inflight: peer.inflights.count,
      heardMsAgo: node.nowMs - peer.heardMs,
    })),
    transferTo: leads?.transfer?.target,
    leaseUntilMs: leads?.heartbeats.leaseUntilMs(),
  }
}
