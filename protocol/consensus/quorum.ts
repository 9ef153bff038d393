/**
 * What a majority says, and what two majorities say together. A half of a joint configuration
 * counts on its own; a decision needs both. Laws: two quorums of one half always share a member.
 */
import type { PeerId } from '../identity/peer-id.ts'

/** One half. `size` also counts members that cannot answer, because their disk is gone. */
export interface Half {
  readonly size: number
  readonly ids: readonly PeerId[]
}

export type VoteOutcome = 'pending' | 'won' | 'lost'

export class Quorum {
  readonly voters: Half
  readonly outgoing: Half
  private readonly scratch: number[] = []

  constructor(voters: Half, outgoing: Half) {
    this.voters = voters
    this.outgoing = outgoing
  }

  /**
   * The greatest value that a quorum has reached: the index that it holds, the round that it has
   * answered, the time since which it was heard. Members that cannot answer have -Infinity.
   */
  reached(reachedOf: (id: PeerId) => number): number {
    const now = this.reachedBy(this.voters, reachedOf)
    return this.outgoing.size === 0 ? now : Math.min(now, this.reachedBy(this.outgoing, reachedOf))
  }

  outcome(votes: ReadonlyMap<PeerId, boolean>): VoteOutcome {
    const now = outcomeOf(this.voters, votes)
    if (this.outgoing.size === 0 || now === 'lost') return now
    const before = outcomeOf(this.outgoing, votes)
    if (before === 'lost') return 'lost'
    return now === 'won' && before === 'won' ? 'won' : 'pending'
  }

  /** Kept in one array, sorted by insertion: there are at most nine, and this runs for every ack. */
  private reachedBy(half: Half, reachedOf: (id: PeerId) => number): number {
    const { scratch } = this
    const majority = majorityOf(half.size)
    if (half.ids.length < majority) return Number.NEGATIVE_INFINITY
    scratch.length = 0
    for (const id of half.ids) {
      const value = reachedOf(id)
      let at = scratch.length
      scratch.push(value)
      while (at > 0 && (scratch[at - 1] as number) < value) {
        scratch[at] = scratch[at - 1] as number
        at--
      }
      scratch[at] = value
    }
    return scratch[majority - 1] as number
  }
}

/** Of none, one that cannot be had: an empty half decides nothing. */
export function majorityOf(size: number): number {
  return Math.floor(size / 2) + 1
}

function outcomeOf(half: Half, votes: ReadonlyMap<PeerId, boolean>): VoteOutcome {
  let granted = 0
  let open = 0
  for (const id of half.ids) {
    const vote = votes.get(id)
    if (vote === undefined) open++
    else if (vote) granted++
  }
  const majority = majorityOf(half.size)
  if (granted >= majority) return 'won'
  return granted + open >= majority ? 'pending' : 'lost'
}
