/**
 * Listens to what the voters say that they hold, and compares. While nobody can say who is right,
 * nothing is appended and no state is copied from here; a replica that is outvoted, or that nobody
 * could uphold in time, stops.
 */
import { eraOf } from '../../protocol/consensus/era.ts'
import type { RaftStatus } from '../../protocol/consensus/status.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { DigestMark } from '../../protocol/ledger/digest-trail.ts'
import { Jury } from '../../protocol/ledger/jury.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { Divergence } from './divergence.ts'
import { ledgerLimits } from './limits.ts'

/** What one host says of its copy. Who it is has been checked; whether it votes has not. */
export interface Claim {
  readonly id: PeerId
  readonly storage: number
  readonly term: number
  readonly marks: readonly DigestMark[]
}

/** What is compared, and told whether it is in doubt: see `Standing`. */
export interface Compared {
  readonly id: PeerId
  suspected: boolean
  readonly voter: { status(): Pick<RaftStatus, 'config' | 'term'> } | undefined
  readonly replica: { digestAt(index: number): string | undefined }
}

export class Comparing {
  private readonly standing: Compared
  private readonly clock: Pick<Clock, 'now'>
  private readonly log: Pick<Log, 'error'>
  private jury = new Jury()
  private hungSinceMs: number | undefined
  private told = ''

  constructor(standing: Compared, clock: Pick<Clock, 'now'>, log: Pick<Log, 'error'>) {
    this.standing = standing
    this.clock = clock
    this.log = log
  }

  /** The copy is another one: what was found of the one before says nothing of it. */
  begin(): void {
    this.jury = new Jury()
    this.hungSinceMs = undefined
    this.standing.suspected = false
    this.told = ''
  }

  /** What makes this replica stop, if it has to. */
  compare(claims: Iterable<Claim>): Divergence | undefined {
    const { standing } = this
    const status = standing.voter?.status()
    if (!status) return undefined
    const { config } = status
    for (const { id, storage, term, marks } of claims) {
      // In another era there may be another history.
      if (id === standing.id || eraOf(term) !== eraOf(status.term)) continue
      if (!config.voters.some((voter) => voter.id === id && voter.storage === storage)) continue
      for (const mark of marks)
        this.jury.hear({ id, storage }, mark, standing.replica.digestAt(mark.index))
    }
    const votes = config.voters.some(({ id }) => id === standing.id)
    const verdict = this.jury.judge(config.voters, standing.id, votes)
    standing.suspected = verdict.kind === 'hung'
    if (verdict.kind !== 'hung') this.hungSinceMs = undefined
    if (verdict.kind === 'same') return undefined
    const { difference, against } = verdict
    this.tell(verdict.kind, difference.index, against)
    if (verdict.kind === 'upheld') return undefined
    if (verdict.kind === 'hung' && !this.isHungTooLong(votes)) return undefined
    return { kind: 'diverged', ...difference }
  }

  /** A learner waits for the voters to agree: it can mislead nobody but those who ask it. */
  private isHungTooLong(votes: boolean): boolean {
    const nowMs = this.clock.now()
    this.hungSinceMs ??= nowMs
    return votes && nowMs - this.hungSinceMs >= ledgerLimits.hungMsMax
  }

  private tell(kind: string, index: number, against: readonly PeerId[]): void {
    const peers = against.join(' ')
    if (this.told === `${kind} ${peers}`) return
    this.told = `${kind} ${peers}`
    this.log.error('replicas hold different states', { index, judged: kind, against: peers })
  }
}
