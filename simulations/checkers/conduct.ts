/**
 * How one voter must behave in one life, whatever the others do: it takes back nothing that it has
 * acknowledged, applies only what is safe here, and neither stands nor leaves before its time.
 */
import { isFurther, type LogView, type Position } from '../../protocol/consensus/log.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { Persist, Ready } from '../../protocol/consensus/ready.ts'
import type { SafeState } from './promises-kept.ts'
import { type Violation, violation } from './violation.ts'

/** Who decides, and where that stands in the log. */
export interface Standing {
  readonly index: number
  readonly config: Config
}

export class Conduct {
  private readonly host: string
  private recovering = false
  /** The last entry that it has vouched for, and in which term. */
  private vouched = { term: 0, index: 0 }
  private commit = 0

  constructor(host: string) {
    this.host = host
  }

  /** `knownCommit`: what its disk knew to be committed. */
  begins(log: LogView, knownCommit: number): Violation | undefined {
    const known = Math.min(knownCommit, log.lastIndex)
    if (log.commit >= known) return undefined
    return violation(
      'commit monotonic',
      `${this.host} starts with ${log.commit} committed, and its disk knew of ${known}`,
    )
  }

  commits({ commit }: LogView): Violation | undefined {
    const before = this.commit
    this.commit = commit
    if (commit >= before) return undefined
    return violation('commit monotonic', `${this.host} went back from ${before} to ${commit}`)
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

  /** `term`: in which it is. */
  writes({ firstIndex, entries, snapshot }: Persist, term: number): Violation | undefined {
    const { vouched } = this
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
      if (!isFurther({ index: last, term }, promised)) continue
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
    if (promised.term === term || !isFurther(promised, last)) return undefined
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
