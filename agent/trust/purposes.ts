/**
 * What a peer must be for each thing that streams are for, and for each topic of gossip: the only
 * place that says so. A purpose or a topic without a row cannot be used. A coordinator is an agent,
 * too.
 */
import { estopTopic } from '../../protocol/estop/limits.ts'
import { visitPurpose } from '../../protocol/estop/visit.ts'
import type { PeerRole } from '../../protocol/identity/roles.ts'
import type { Purpose } from '../../protocol/ports/network.ts'

export interface PurposeRule {
  /** Who may open such a stream, and to whom one may be opened. `anybody`: also strangers. */
  readonly needs: PeerRole | 'anybody'
  /** What only coordinators say on it, by kind of frame. From others it is not taken. */
  readonly fromCoordinators: ReadonlySet<string>
}

export const introductionPurpose = '/skein/introduction/1' as const
/** Hosts that are not of the mesh yet, and have a token. */
export const joinPurpose = '/skein/join/1' as const
export const membershipPurpose = '/skein/membership/1' as const
export const estopPurpose = '/skein/estop/1' as const

function rule(needs: PurposeRule['needs'], ...fromCoordinators: string[]): PurposeRule {
  return { needs, fromCoordinators: new Set(fromCoordinators) }
}

export const purposeRules: Readonly<Record<Purpose, PurposeRule>> = {
  [introductionPurpose]: rule('anybody'),
  [joinPurpose]: rule('anybody'),
  [membershipPurpose]: rule('agent'),
  '/skein/calls/1': rule('agent'),
  '/skein/artifacts/1': rule('agent'),
  // Who may stop or release is said by the signature on what is said, whoever carries it.
  [estopPurpose]: rule('agent'),
  // The same, brought by a person: who has no word that is believed hears nothing.
  [visitPurpose]: rule('anybody'),
  // Learners hold the log, and answer who leads; they neither stand, nor vote, nor append.
  '/skein/consensus/1': rule(
    'agent',
    'preVoteRequest',
    'preVoteAnswer',
    'voteRequest',
    'voteAnswer',
    'append',
    'commitNotice',
    'heartbeat',
    'snapshotChunk',
    'timeoutNow',
    'readAnswer',
  ),
  '/skein/work/1': rule('agent', 'assign', 'cancel', 'committed', 'inventoryRequest', 'keep'),
}

/** What the origin of a message must be, whoever passes it on. */
export interface TopicRule {
  readonly needs: PeerRole
}

export const topicRules: Readonly<Record<string, TopicRule>> = {
  // As with its streams: the signature on what is said says who may stop.
  [estopTopic]: { needs: 'agent' },
}
