/**
 * What must hold in every history, whatever fails: the laws of `simulations/checkers`, and those of
 * what only this cluster shows, its disks, messages and configurations. Each sees only what cores put
 * out and what disks hold, never what a core believes of itself, and throws a `Violation` at the
 * first step that breaks its law.
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
import { DigestsEqual, plainly } from '../checkers/digests-equal.ts'
import { ElectionSafety } from '../checkers/election-safety.ts'
import { LeaderCompleteness } from '../checkers/leader-completeness.ts'
import { LogMatching } from '../checkers/log-matching.ts'
import { StateMachineSafety } from '../checkers/state-machine-safety.ts'
import type { Violation as Broken } from '../checkers/violation.ts'
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

function demand(broken: Broken | undefined): void {
  if (broken) throw new Violation(broken.checker, [broken.what, ...broken.lines].join('\n  '))
}

export class Checkers {
  private readonly elections = new ElectionSafety()
  private readonly matching = new LogMatching()
  private readonly safety = new StateMachineSafety()
  private readonly completeness = new LeaderCompleteness(this.safety.log)
  private readonly digests = new DigestsEqual(plainly)
  private readonly votes = new Map<string, PeerId>()
  private readonly supporters = new Map<string, Set<string>>()
  /** The furthest that any node has known to be committed. */
  commitMax = 0

  /** How many entries were committed, as far as anybody has applied them. */
  get committedCount(): number {
    return this.safety.log.lastIndex
  }

  /** The term of a committed entry. */
  committedTerm(index: number): number | undefined {
    return this.safety.log.at(index)?.term
  }

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
    demand(this.elections.observe({ host: id, term }))
    // And it holds everything that was committed before its time.
    const { base: snapshotIndex, lastIndex } = log
    const termAt = (index: number) => log.termAt(index)
    demand(this.completeness.observe({ host: id, term, snapshotIndex, lastIndex, termAt }))
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

  /** A log that has the last entry of a snapshot has all of it, and keeps what follows (§7). */
  installs(id: PeerId, { index, term }: SnapshotMeta, log: ShadowLog): void {
    if (index > log.base && log.termAt(index) === term)
      throw new Violation(
        'a snapshot replaces only what it goes beyond',
        `${id} has ${index}@${term}, and installs a snapshot of that`,
      )
  }

  /** Equal index and term: equal entry, and equal logs before it. */
  appended(host: PeerId, index: number, entry: Entry, previousTerm: number): void {
    const { term } = entry
    demand(this.matching.observe({ host, index, term, hash: hashOf(entry), previousTerm }))
  }

  /** A host begins with the state as of an entry: when it starts, or has taken over a snapshot. */
  begins(host: PeerId, index: number): void {
    demand(this.safety.observe({ kind: 'begins', host, index }))
  }

  died(host: PeerId): void {
    demand(this.safety.observe({ kind: 'died', host }))
  }

  /** All nodes apply the same entries in the same order. */
  applied(host: PeerId, index: number, entry: Entry, inTerm: number, disk: SimDisk): void {
    if (index > disk.lastIndex)
      throw new Violation('applied from the disk', `${index} applied, ${disk.lastIndex} held`)
    const { term } = entry
    const hash = hashOf(entry)
    demand(this.safety.observe({ kind: 'applied', host, index, term, hash, inTerm }))
  }

  stateAt(host: PeerId, index: number, digest: number): void {
    demand(this.digests.observe({ host, index, digest }))
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

  commitMoved(host: PeerId, index: number): void {
    demand(this.safety.observe({ kind: 'committed', host, index }))
    if (index > this.commitMax) this.commitMax = index
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
