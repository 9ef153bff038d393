/** Breaks the harness, not the core: each must be seen by a checker. */
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Cluster } from './cluster.ts'

/** What the harness breaks on purpose, to show that a checker sees it. */
export interface Sabotage {
  /** Confirms writes that are not on the disk. */
  confirmEarly?: boolean
  /** A restarted voter has forgotten whom it voted for, and in which term. */
  forgetVote?: boolean
  /** A lost disk keeps its number. */
  keepNumber?: boolean
  /** Changes a message on its way. Undefined loses it. */
  tamper?: (from: PeerId, to: PeerId, frame: RaftFrame, cluster: Cluster) => RaftFrame | undefined
  /** Answers reads at once, from whatever is here. */
  readHere?: boolean
  /** Clocks run this much apart, whatever was promised. */
  drift?: number
  /** Skips the checks that see a fault early, so that those that see its consequences have a turn. */
  trusting?: boolean
  /** Applies an entry twice, or leaves one out. */
  stutter?: boolean
  /** A node's word on its commit index. */
  commitSeen?: (commit: number) => number
}
