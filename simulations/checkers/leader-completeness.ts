/**
 * A new leader holds everything that was committed in earlier terms. What was committed in its own
 * term or a later one it need not hold: it may be the last to hear that it was elected.
 */
import type { CommittedLog } from './committed-log.ts'
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

export interface NewLeader {
  readonly host: string
  /** The term that it leads. */
  readonly term: number
  /** The last index that is in its snapshot and no longer in its log. */
  readonly snapshotIndex: number
  readonly lastIndex: number
  /** The term of an entry in its log. */
  termAt(index: number): number | undefined
}

export class LeaderCompleteness {
  private readonly log: CommittedLog

  /** The log that `StateMachineSafety` writes. */
  constructor(log: CommittedLog) {
    this.log = log
  }

  observe(leader: NewLeader): Violation | undefined {
    const { host, term, snapshotIndex, lastIndex } = leader
    const last = this.log.lastIndex
    const first = Math.max(
      this.log.firstKept,
      snapshotIndex + 1,
      last - checkerLimits.completenessEntriesMax + 1,
    )
    for (let index = first; index <= last; index++) {
      const entry = this.log.at(index)
      if (entry === undefined || entry.knownInTerm >= term) continue
      const held = leader.termAt(index)
      if (held === entry.term) continue
      return violation(
        'leader completeness',
        `${host} leads term ${term} without ${index}@${entry.term}`,
        [
          `${index}@${entry.term} was applied by ${entry.host} in term ${entry.knownInTerm}`,
          held === undefined
            ? `the log of ${host} ends at ${lastIndex}`
            : `${host} holds ${index}@${held} instead`,
        ],
      )
    }
    return undefined
  }
}
