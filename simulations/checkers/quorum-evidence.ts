/**
 * Nobody stands, leads or calls anything committed without the word of a majority: the words of all
 * are noted as they leave the disks that stand for them, and counted when somebody says that there
 * were enough. A disk votes once in a term, and what it says to a leader counts in that term alone.
 */
import type { Config, Member } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Violation, violation } from './violation.ts'

export class QuorumEvidence {
  private readonly votes = new Map<string, PeerId>()
  /** Who would vote, and who did, by candidate and term. */
  private readonly promises = new Map<string, Set<string>>()
  private readonly supporters = new Map<string, Set<string>>()
  /** By host, its disk and the term: up to which entry it holds what the leader holds. */
  private readonly acknowledgements = new Map<PeerId, Map<number, Map<number, number>>>()

  /** A promise to vote leaves a disk. */
  wouldVote(voter: Member, term: number, candidate: PeerId): void {
    add(this.promises, `${candidate} ${term}`, nameOf(voter))
  }

  /**
   * Somebody enters a term to be elected in it, and so ends the one before for all who hear it. Not
   * to be asked of whom the leader has told to stand.
   */
  stands(candidate: PeerId, term: number, config: Config): Violation | undefined {
    const promised = this.promises.get(`${candidate} ${term}`)
    const lacking = lackingHalf(config, (member) => {
      return member.id === candidate || promised?.has(nameOf(member)) === true
    })
    if (!lacking) return undefined
    return violation(
      'nobody stands unasked',
      `${candidate} stands in term ${term}, and ${lacking.had} of ${lacking.of} would vote for it`,
    )
  }

  /** A vote leaves a disk. */
  voted(voter: Member, term: number, candidate: PeerId): Violation | undefined {
    add(this.supporters, `${candidate} ${term}`, nameOf(voter))
    const ballot = `${nameOf(voter)} ${term}`
    const other = this.votes.get(ballot)
    if (other === undefined) this.votes.set(ballot, candidate)
    else if (other !== candidate)
      return violation('one vote in a term', `${voter.id} voted twice in term ${term}`, [
        `for ${other}`,
        `for ${candidate}`,
      ])
    return undefined
  }

  /** Somebody leads, it says, by the votes of these. */
  elected(leader: PeerId, term: number, config: Config): Violation | undefined {
    const supporters = this.supporters.get(`${leader} ${term}`)
    const lacking = lackingHalf(config, (member) => {
      return member.id === leader || supporters?.has(nameOf(member)) === true
    })
    if (!lacking) return undefined
    return violation(
      'election quorum',
      `${leader} leads term ${term} by ${lacking.had} votes of ${lacking.of}`,
    )
  }

  /** A disk vouches to the leader of a term for all entries up to there. */
  acknowledged(member: Member, term: number, index: number): void {
    const said = this.saidBy(member)
    if (index > (said.get(term) ?? 0)) said.set(term, index)
  }

  /**
   * The leader of a term calls an entry committed, by one of these configurations. Its own disk is
   * `safeIndex` far.
   */
  committed(
    leader: PeerId,
    term: number,
    index: number,
    configs: readonly Config[],
    safeIndex: number,
  ): Violation | undefined {
    const holds = (member: Member) =>
      index <= (member.id === leader ? safeIndex : (this.saidBy(member).get(term) ?? 0))
    let found: Violation | undefined
    for (const config of configs) {
      if (config.voters.length === 0) continue
      const lacking = lackingHalf(config, holds)
      if (!lacking) return undefined
      found ??= violation(
        'commit quorum',
        `${leader} calls ${index} committed in term ${term} with ${lacking.had} of ${lacking.of} disks`,
      )
    }
    return found
  }

  private saidBy({ id, storage }: Member): Map<number, number> {
    const disks = this.acknowledgements.get(id) ?? new Map<number, Map<number, number>>()
    if (disks.size === 0) this.acknowledgements.set(id, disks)
    const said = disks.get(storage) ?? new Map<number, number>()
    if (said.size === 0) disks.set(storage, said)
    return said
  }
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const held = map.get(key)
  if (held) held.add(value)
  else map.set(key, new Set([value]))
}

function nameOf({ id, storage }: Member): string {
  return `${id} ${storage}`
}

/** The half of a configuration in which fewer than a majority agree, and how many do. */
function lackingHalf(
  { voters, outgoing }: Config,
  agrees: (member: Member) => boolean,
): { had: number; of: number } | undefined {
  for (const half of outgoing.length > 0 ? [voters, outgoing] : [voters]) {
    const had = half.filter(agrees).length
    if (had * 2 <= half.length) return { had, of: half.length }
  }
  return undefined
}
