/**
 * What must hold in every history, whatever fails. Each checker sees only what cores put out and
 * what disks hold, never what a core believes of itself, and throws a `Violation` at the first step
 * that breaks its law.
 */
import { configOf } from '../../protocol/consensus/config.ts'
import {
  type Config,
  type Entry,
  entryKind,
  type Member,
  type RaftFrame,
  type SnapshotMeta,
} from '../../protocol/consensus/messages.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { hashOf } from './machine.ts'
import type { SimDisk } from './sim-disk.ts'

export class Violation extends Error {
  readonly law: string
  constructor(law: string, detail: string) {
    super(`${law}: ${detail}`)
    this.law = law
  }
}

/** A host's log as it was handed to its disk: the same as the one in its memory, one step later. */
export class ShadowLog {
  base = 0
  baseTerm = 0
  private terms: number[] = []
  private configs: { index: number; config: Config }[] = []

  reset(snapshot: SnapshotMeta): void {
    this.base = snapshot.index
    this.baseTerm = snapshot.term
    this.terms = []
    this.configs = [{ index: snapshot.index, config: snapshot.config }]
  }

  get lastIndex(): number {
    return this.base + this.terms.length
  }

  get config(): { index: number; config: Config } {
    return this.configs.at(-1)!
  }

  termAt(index: number): number | undefined {
    return index === this.base ? this.baseTerm : this.terms[index - this.base - 1]
  }

  truncateFrom(index: number): void {
    if (index <= this.lastIndex) this.terms.length = Math.max(0, index - this.base - 1)
    this.configs = this.configs.filter((held, i) => i === 0 || held.index < index)
  }

  push({ term, kind, data }: Entry): void {
    this.terms.push(term)
    const config = kind === entryKind.config ? configOf(data) : undefined
    if (config) this.configs.push({ index: this.lastIndex, config })
  }
}

interface Committed {
  readonly term: number
  readonly hash: number
}

export class Checkers {
  private readonly leaders = new Map<number, PeerId>()
  private readonly votes = new Map<string, PeerId>()
  private readonly supporters = new Map<string, Set<string>>()
  private readonly entries = new Map<string, { hash: number; prevTerm: number }>()
  private readonly digests = new Map<number, number>()
  readonly committed: Committed[] = []
  /** The furthest that any node has known to be committed. */
  commitMax = 0

  /** At most one leader in a term, by a majority of each half. */
  elected({ id, storage }: Member, term: number, log: ShadowLog, trusting: boolean): void {
    const supporters = this.supporters.get(`${id}/${term}`) ?? new Set()
    supporters.add(`${id} disk ${storage}`)
    for (const half of halvesOf(log.config.config)) {
      const granted = half.filter((m) => supporters.has(`${m.id} disk ${m.storage}`)).length
      if (granted * 2 <= half.length && !trusting)
        throw new Violation(
          'election quorum',
          `${id} in term ${term} by ${granted} of ${half.length}`,
        )
    }
    const other = this.leaders.get(term)
    if (other !== undefined && other !== id)
      throw new Violation('election safety', `${other} and ${id} in term ${term}`)
    this.leaders.set(term, id)
    // And it holds everything that was ever committed.
    for (let i = Math.max(log.base, 1); i <= this.committed.length; i++) {
      const known = this.committed[i - 1] as Committed
      if (log.termAt(i) !== known.term && i > log.base)
        throw new Violation(
          'leader completeness',
          `${id} leads term ${term} without ${i}@${known.term}`,
        )
    }
  }

  /** One vote of one disk in one term. */
  voted(voter: string, term: number, candidate: PeerId): void {
    const election = `${candidate}/${term}`
    const supporters = this.supporters.get(election) ?? new Set()
    this.supporters.set(election, supporters.add(voter))
    const key = `${voter}/${term}`
    const other = this.votes.get(key)
    if (other !== undefined && other !== candidate)
      throw new Violation('one vote', `${voter} for ${other} and ${candidate} in term ${term}`)
    this.votes.set(key, candidate)
  }

  /** What a message promises is on its sender's disk when it leaves. */
  promised(id: PeerId, to: PeerId, frame: RaftFrame, disk: SimDisk): void {
    const { term } = frame.value
    const { hardState, lastIndex } = disk
    const broken = (what: string) => {
      throw new Violation('promises are kept', `${id} ${frame.kind} in term ${term}: ${what}`)
    }
    if (frame.kind === 'preVoteRequest' || frame.kind === 'preVoteAnswer') return
    if (hardState.term < term) broken(`its disk knows ${hardState.term}`)
    if (hardState.term > term) return
    if (frame.kind === 'voteAnswer' && frame.value.granted && hardState.vote !== to)
      broken(`its disk remembers ${hardState.vote}`)
    if (frame.kind === 'voteRequest' && frame.value.lastIndex > lastIndex)
      broken(`claims ${frame.value.lastIndex}, holds ${lastIndex}`)
    if (frame.kind === 'appendAnswer' && frame.value.accepted && frame.value.index > lastIndex)
      broken(`acknowledges ${frame.value.index}, holds ${lastIndex}`)
  }

  /** From one configuration to the next only by one voter, or through the joint one. */
  reconfigured(before: Config, after: Config): void {
    if (before.voters.length === 0) return
    const same = (a: readonly Member[], b: readonly Member[]) =>
      a.filter((m) => b.some((n) => n.id === m.id && n.storage === m.storage)).length
    const kept = same(before.voters, after.voters)
    const moved = before.voters.length + after.voters.length - 2 * kept
    const legal =
      before.outgoing.length > 0
        ? after.outgoing.length === 0 && moved === 0
        : after.outgoing.length > 0
          ? same(after.outgoing, before.voters) === before.voters.length
          : moved <= 1
    if (!legal) throw new Violation('configurations overlap', JSON.stringify({ before, after }))
  }

  /** The configuration in force is the last one in the log. */
  acts(id: PeerId, configIndex: number, log: ShadowLog): void {
    if (log.config.index !== configIndex)
      throw new Violation(
        'the log says who decides',
        `${id} acts under ${configIndex}, its log has ${log.config.index}`,
      )
  }

  /** Equal index and term: equal entry, and equal logs before it. */
  appended(index: number, entry: Entry, prevTerm: number): void {
    const key = `${index}:${entry.term}`
    const hash = hashOf(entry)
    const other = this.entries.get(key)
    if (other === undefined) this.entries.set(key, { hash, prevTerm })
    else if (other.hash !== hash || other.prevTerm !== prevTerm)
      throw new Violation('log matching', `two different entries ${key}`)
  }

  /** All nodes apply the same entries in the same order. */
  applied(index: number, entry: Entry, disk: SimDisk): void {
    if (index > disk.lastIndex)
      throw new Violation('applied from the disk', `${index} applied, ${disk.lastIndex} held`)
    const hash = hashOf(entry)
    const known = this.committed[index - 1]
    if (known === undefined) {
      if (index !== this.committed.length + 1)
        throw new Violation('state machine safety', `a gap before ${index}`)
      this.committed.push({ term: entry.term, hash })
    } else if (known.term !== entry.term || known.hash !== hash)
      throw new Violation(
        'state machine safety',
        `${index}@${entry.term} applied after ${index}@${known.term}`,
      )
  }

  stateAt(index: number, digest: number): void {
    const known = this.digests.get(index)
    if (known === undefined) this.digests.set(index, digest)
    else if (known !== digest) throw new Violation('equal states', `two states at ${index}`)
  }

  /** What is called committed lies on the disks of a majority, of each half. */
  durable(
    index: number,
    term: number,
    config: Config,
    holds: (id: PeerId, storage: number) => boolean,
  ): void {
    for (const half of halvesOf(config)) {
      const holding = half.filter(({ id, storage }) => holds(id, storage)).length
      if (holding * 2 <= half.length)
        throw new Violation('durability', `${index}@${term} on ${holding} of ${half.length} disks`)
    }
  }

  commitMoved(id: PeerId, before: number, after: number): void {
    if (after < before) throw new Violation('commit monotonic', `${id}: ${before} to ${after}`)
    if (after > this.commitMax) this.commitMax = after
  }

  /** A read sees everything that was known to be committed, by anybody, when it was asked. */
  read(id: PeerId, floor: number, index: number): void {
    if (index < floor)
      throw new Violation('linearizable reads', `${id} answered at ${index}, below ${floor}`)
  }
}

function halvesOf({ voters, outgoing }: Config): (readonly Member[])[] {
  return outgoing.length > 0 ? [voters, outgoing] : [voters]
}
