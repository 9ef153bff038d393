/**
 * How one voter must behave in one life, whatever the others do: it knows what its disk knows, takes
 * back nothing that it has said, applies only what is safe here, and neither stands nor leaves before
 * its time.
 */
import type { LogView, Position } from '../../protocol/consensus/log.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { HardState, Persist, Ready } from '../../protocol/consensus/ready.ts'
import { reachesBeyond } from './further.ts'
import type { SafeState } from './promises-kept.ts'
import { type Violation, violation } from './violation.ts'

/** Who decides, and where that stands in the log. */
export interface Standing {
  readonly index: number
  readonly config: Config
}

export type Ballot = Pick<HardState, 'term' | 'vote'>

export class Conduct {
  private readonly host: string
  private recovering = false
  /** The last entry that it has vouched for, and in which term. */
  private vouched = { term: 0, index: 0 }
  commit = 0
  /** The term and the vote that it wrote last, or found. */
  private ballot: Ballot

  /** `kept`: what its disk has. */
  constructor(host: string, kept: Ballot) {
    this.host = host
    this.ballot = kept
  }

  /**
   * `kept`: what its disk has; `harmed`: somebody has damaged it; `lastIndex`: where its log ended
   * before the first thing that it does.
   */
  begins(
    log: LogView,
    kept: HardState,
    harmed: boolean,
    lastIndex: number = log.lastIndex,
  ): Violation | undefined {
    const { host } = this
    const known = Math.min(kept.commit, log.lastIndex)
    if (log.commit < known)
      return violation(
        'commit monotonic',
        `${host} starts with ${log.commit} committed, and its disk knew of ${known}`,
      )
    if (this.recovering)
      return harmed
        ? undefined
        : violation('a sound disk is whole', `${host} misses what its disk was given, and synced`)
    const end = { index: lastIndex, term: log.termAt(lastIndex) ?? log.snapshot.term }
    if (!harmed && reachesBeyond(end, kept.promised))
      return violation(
        'a sound disk is whole',
        `${host} starts with ${end.index}@${end.term}, and its disk was given no more than ${kept.promised.index}@${kept.promised.term}`,
      )
    if (!reachesBeyond(kept.promised, end)) return undefined
    return violation(
      'who has lost something waits',
      `${host} has promised ${kept.promised.index}@${kept.promised.term}, starts with ${end.index}@${end.term}, and thinks nothing of it`,
    )
  }

  /** `reign`: the term that it leads, and led when it was looked at before. */
  commits(log: LogView, reign: number | undefined): Violation | undefined {
    const before = this.commit
    const { commit } = log
    this.commit = commit
    if (commit < before)
      return violation('commit monotonic', `${this.host} went back from ${before} to ${commit}`)
    if (reign === undefined || commit === before) return undefined
    const term = log.termAt(commit)
    if (term === undefined || term === reign) return undefined
    return violation(
      'a leader counts for its own term',
      `${this.host} leads term ${reign} and calls ${commit}@${term} committed by itself (§5.4.2)`,
    )
  }

  recovers(yes: boolean): void {
    this.recovering = yes
  }

  stands(term: number): Violation | undefined {
    if (!this.recovering) return undefined
    return violation(
      'who has lost something waits',
      `${this.host} stands in term ${term}, and its disk has lost what it promised`,
    )
  }

  vouches(term: number, index: number): void {
    if (term !== this.vouched.term) this.vouched = { term, index }
    else if (index > this.vouched.index) this.vouched = { term, index }
  }

  writes({ firstIndex, entries, snapshot, hardState }: Persist): Violation | undefined {
    const { vouched, ballot } = this
    const { term, vote } = hardState
    this.ballot = { term, vote }
    if (term < ballot.term || (term === ballot.term && ballot.vote && vote !== ballot.vote))
      return violation(
        'a vote is not taken back',
        `${this.host}, who voted for ${ballot.vote ?? 'nobody'} in term ${ballot.term}, writes ${vote ?? 'nobody'} in term ${term}`,
      )
    if (term !== vouched.term || entries.length === 0 || firstIndex > vouched.index)
      return undefined
    if (snapshot && snapshot.index >= vouched.index) return undefined
    return violation(
      'what is acknowledged stays',
      `${this.host} writes ${firstIndex} anew in term ${term}, and has acknowledged ${vouched.index} in it`,
    )
  }

  keeps({ lastIndex }: LogView, term: number): Violation | undefined {
    const { vouched } = this
    if (term !== vouched.term || lastIndex >= vouched.index) return undefined
    return violation(
      'what is acknowledged stays',
      `${this.host} holds ${lastIndex} entries in term ${term}, and has acknowledged ${vouched.index} in it`,
    )
  }

  applies({ apply }: Ready, { promised }: SafeState): Violation | undefined {
    for (const step of apply) {
      if (step.kind !== 'entries') continue
      const last = step.firstIndex + step.entries.length - 1
      const term = step.entries.at(-1)?.term ?? 0
      if (!reachesBeyond({ index: last, term }, promised)) continue
      return violation(
        'applied from the disk',
        `${this.host} applies ${last}@${term}, its disk ends at ${promised.index}@${promised.term}`,
      )
    }
    return undefined
  }

  /** It leads no longer, since it does not belong to the voters any more. */
  retires({ commit }: LogView, standing: Standing): Violation | undefined {
    if (commit >= standing.index) return undefined
    return violation(
      'nobody retires before its time',
      `${this.host} leaves by the configuration at ${standing.index}, with ${commit} committed`,
    )
  }

  /** A vote for a log that ends there. It may leave late, when there are entries of its term. */
  votes(
    candidate: string,
    term: number,
    last: Position,
    { promised }: SafeState,
  ): Violation | undefined {
    if (promised.term === term || !reachesBeyond(promised, last)) return undefined
    return violation(
      'votes go to the longer log',
      `${this.host}, whose disk promises ${promised.index}@${promised.term}, votes for ${candidate} with ${last.index}@${last.term}`,
    )
  }
}

/** With a snapshot comes who decides. */
export function takesOver(
  host: string,
  { snapshot }: Persist,
  standing: Standing,
): Violation | undefined {
  if (!snapshot || standing.index > snapshot.index) return undefined
  const same =
    standing.index === snapshot.index &&
    JSON.stringify(standing.config) === JSON.stringify(snapshot.config)
  if (same) return undefined
  return violation(
    'the log says who decides',
    `${host} installs a snapshot of ${snapshot.index}, and acts by the configuration at ${standing.index}`,
  )
}
