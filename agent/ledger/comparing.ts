/**
 * Listens to what the voters say that they hold, and compares. While nobody can say who is right,
 * nothing is appended and no state is copied from here; a replica that is outvoted, or that nobody
 * could uphold in time, stops.
 */
import { eraOf } from '../../protocol/consensus/era.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
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
  readonly voter: Pick<RaftStatus, 'config' | 'term'> | undefined
  readonly replica: { digestAt(index: number): string | undefined }
}

export class Comparing {
  private readonly standing: Compared
  private readonly clock: Pick<Clock, 'now'>
  private readonly log: Pick<Log, 'error'>
  private jury = new Jury()
  /**
   * What each voter said last, where all was heard of it that there is: what was said once is not
   * weighed twice, though it comes anew with each digest.
   */
  private readonly weighed = new Map<PeerId, Claim>()
  /** Who decided when it was last looked, and whether nobody was known to hold anything else. */
  private config: Config | undefined
  private isSame = false
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
    this.weighed.clear()
    this.isSame = false
    this.hungSinceMs = undefined
    this.standing.suspected = false
    this.told = ''
  }

  /** What makes this replica stop, if it has to. */
  compare(claims: Iterable<Claim>): Divergence | undefined {
    const { standing } = this
    const { voter } = standing
    if (!voter) return undefined
    const { config } = voter
    // Others decide: the jury forgets those who do no longer, and may have to hear them again.
    if (this.config !== config) this.weighed.clear()
    const isNews = this.hear(claims, config, eraOf(voter.term)) || this.config !== config
    this.config = config
    if (!isNews && this.isSame) return undefined
    const votes = config.voters.some(({ id }) => id === standing.id)
    const verdict = this.jury.judge(config.voters, standing.id, votes)
    this.isSame = verdict.kind === 'same'
    standing.suspected = verdict.kind === 'hung'
    if (verdict.kind !== 'hung') this.hungSinceMs = undefined
    if (verdict.kind === 'same') return undefined
    const { difference, against } = verdict
    this.tell(verdict.kind, difference.index, against)
    if (verdict.kind === 'upheld') return undefined
    if (verdict.kind === 'hung' && !this.isHungTooLong(votes)) return undefined
    return { kind: 'diverged', ...difference }
  }

  /** True when there was something that had not been heard before. */
  private hear(claims: Iterable<Claim>, { voters }: Config, era: number): boolean {
    const { standing, weighed } = this
    let isNews = false
    for (const claim of claims) {
      const { id, storage, term, marks } = claim
      if (saysTheSame(weighed.get(id), claim)) continue
      // In another era there may be another history.
      if (id === standing.id || eraOf(term) !== era) continue
      if (!voters.some((voter) => voter.id === id && voter.storage === storage)) continue
      let isKnown = true
      for (const mark of marks) {
        const ours = standing.replica.digestAt(mark.index)
        this.jury.hear({ id, storage }, mark, ours)
        isKnown &&= ours !== undefined
      }
      // What it says of an entry that has not come here yet is weighed when it has.
      if (isKnown) weighed.set(id, claim)
      isNews = true
    }
    return isNews
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

function saysTheSame(before: Claim | undefined, claim: Claim): boolean {
  if (before === claim) return true
  if (before?.storage !== claim.storage || before.term !== claim.term) return false
  return (
    before.marks.length === claim.marks.length &&
    claim.marks.every(({ index, digest }, i) => {
      const told = before.marks[i]
      return told?.index === index && told.digest === digest
    })
  )
}
