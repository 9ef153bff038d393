/**
 * Nobody leads, and nothing is committed, without the word of a majority: votes and acknowledgements
 * are noted as they leave the disks that stand for them, and counted when somebody says that there
 * were enough. A disk votes once in a term.
 */
import type { Config, Member } from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { type Violation, violation } from './violation.ts'

/** The terms of entries that one disk has acknowledged. */
interface Held {
  readonly terms: Map<number, Set<number>>
  /** It took over a snapshot: everything up to there. */
  snapshotIndex: number
}

export class QuorumEvidence {
  private readonly votes = new Map<string, PeerId>()
  private readonly supporters = new Map<string, Set<string>>()
  private readonly held = new Map<string, Held>()

  /** A vote leaves a disk. */
  voted(voter: Member, term: number, candidate: PeerId): Violation | undefined {
    const election = `${candidate} ${term}`
    const supporters = this.supporters.get(election) ?? new Set()
    this.supporters.set(election, supporters.add(nameOf(voter)))
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
    for (const half of halvesOf(config)) {
      const granted = half.filter(
        (member) => member.id === leader || supporters?.has(nameOf(member)),
      ).length
      if (granted * 2 <= half.length)
        return violation(
          'election quorum',
          `${leader} leads term ${term} by ${granted} votes of ${half.length}`,
        )
    }
    return undefined
  }

  /** A disk vouches for the entries up to `index`; `termAt` is undefined for what it has compacted. */
  acknowledged(member: Member, index: number, termAt: (index: number) => number | undefined): void {
    let held = this.held.get(nameOf(member))
    if (held === undefined) {
      held = { terms: new Map(), snapshotIndex: 0 }
      this.held.set(nameOf(member), held)
    }
    for (let at = index; at > held.snapshotIndex; at--) {
      const term = termAt(at)
      if (term === undefined) {
        held.snapshotIndex = at
        return
      }
      const terms = held.terms.get(at) ?? new Set()
      if (terms.has(term)) return
      held.terms.set(at, terms.add(term))
    }
  }

  /** The leader calls an entry committed. Its own disk is `safeIndex` far. */
  committed(
    leader: PeerId,
    index: number,
    term: number,
    configs: readonly Config[],
    safeIndex: number,
  ): Violation | undefined {
    const holds = (member: Member) => {
      if (member.id === leader) return index <= safeIndex
      const held = this.held.get(nameOf(member))
      return held && (index <= held.snapshotIndex || held.terms.get(index)?.has(term))
    }
    let found: Violation | undefined
    for (const config of configs.filter(({ voters }) => voters.length > 0)) {
      const lacking = halvesOf(config).find((half) => half.filter(holds).length * 2 <= half.length)
      if (!lacking) return undefined
      found ??= violation(
        'commit quorum',
        `${leader} calls ${index}@${term} committed with ${lacking.filter(holds).length} of ${lacking.length} disks`,
      )
    }
    return found
  }
}

function nameOf({ id, storage }: Member): string {
  return `${id} ${storage}`
}

function halvesOf({ voters, outgoing }: Config): (readonly Member[])[] {
  return outgoing.length > 0 ? [voters, outgoing] : [voters]
}
