/**
 * A node that follows: takes the leader's entries, and remembers how far its log is known to be the
 * leader's. Made anew for each leader, so that nothing known of one is believed of the next.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { configOf } from './config.ts'
import { ForwardedReads } from './forwarded-reads.ts'
import { type Append, type AppendAnswer, type Entry, entryKind } from './messages.ts'
import type { Node } from './node.ts'

export class Follower {
  readonly kind = 'follower'
  readonly leader: PeerId | undefined
  readonly reads: ForwardedReads
  /**
   * The log equals the leader's up to here. Invariant: the commit index that a leader names is
   * believed up to here and no further (§5.3).
   */
  verified = 0
  private readonly node: Node

  constructor(node: Node, leader: PeerId | undefined) {
    this.node = node
    this.leader = leader
    this.reads = new ForwardedReads(node)
  }

  /** Something from the leader of this term: it lives. */
  heardLeader(): void {
    this.node.leaderHeardMs = this.node.nowMs
    this.node.drawElectionDue()
  }

  append(from: PeerId, message: Append): void {
    const { node } = this
    const { log } = node
    if (!isWellFormed(message)) return node.misbehaved(from, 'malformedAppend')
    const { prevIndex, prevTerm, entries } = message
    const lastNew = prevIndex + entries.length
    if (prevIndex < log.commit) {
      // What is committed is the same everywhere, so this old append says nothing new about it.
      if (this.contradictsCommitted(message)) return node.misbehaved(from, 'divergence')
      if (!this.take(log.commit, entries.slice(log.commit - prevIndex)))
        return node.misbehaved(from, 'divergence')
    } else if (!log.has(prevIndex, prevTerm)) return this.refuse(from, message)
    else if (!this.take(prevIndex, entries)) return node.misbehaved(from, 'divergence')
    const verified = Math.max(lastNew, log.commit)
    this.verify(verified)
    this.learnCommit(message.commit)
    this.accept(from, verified)
  }

  /**
   * Skips what is here, truncates at the first entry that is not the same, and adds the rest. False
   * when that would take back what this very leader has said before.
   */
  private take(prevIndex: number, entries: readonly Entry[]): boolean {
    const { node } = this
    const { log } = node
    let known = 0
    while (known < entries.length && log.has(prevIndex + 1 + known, (entries[known] as Entry).term))
      known++
    // An append that arrives late finds all of its entries here, and truncates nothing.
    if (known === entries.length) return true
    const first = prevIndex + 1 + known
    if (first <= this.verified) return false
    if (first <= log.lastIndex) node.truncateFrom(first)
    node.append(known === 0 ? entries : entries.slice(known))
    return true
  }

  private contradictsCommitted({ prevIndex, prevTerm, entries }: Append): boolean {
    const { log } = this.node
    if (prevIndex >= log.firstIndex - 1 && !log.has(prevIndex, prevTerm)) return true
    return entries.some((entry, i) => {
      const index = prevIndex + 1 + i
      return index >= log.firstIndex && index <= log.commit && !log.has(index, entry.term)
    })
  }

  verify(index: number): void {
    if (index > this.verified) this.verified = index
  }

  learnCommit(commit: number): void {
    const { log } = this.node
    const known = Math.min(commit, this.verified)
    if (known > log.commit) log.commitTo(known)
  }

  accept(from: PeerId, index: number): void {
    this.node.outbox.sendAfterLog(from, {
      kind: 'appendAnswer',
      value: this.answer({ accepted: true, index }),
    })
  }

  /** Says where the logs could meet: the last entry here that is not from a later term (§5.3). */
  private refuse(from: PeerId, { prevIndex, prevTerm }: Append): void {
    const { node } = this
    const hint = node.log.lastWithin(prevIndex, prevTerm)
    const value = this.answer({
      accepted: false,
      index: prevIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
      lost: node.recovering,
    })
    node.outbox.sendAfterTerm(from, { kind: 'appendAnswer', value })
  }

  private answer(fields: Partial<AppendAnswer>): AppendAnswer {
    const { term, storage } = this.node
    return {
      term,
      storage,
      accepted: false,
      index: 0,
      hintIndex: 0,
      hintTerm: 0,
      lost: false,
      ...fields,
    }
  }
}

/** Terms never go back, and never beyond the sender's; what it is for is known; configurations hold. */
function isWellFormed({ term, prevTerm, entries }: Append): boolean {
  let before = prevTerm
  for (const entry of entries) {
    if (entry.term < before || entry.kind > entryKind.noop) return false
    if (entry.kind === entryKind.config && configOf(entry.data) === undefined) return false
    before = entry.term
  }
  return before <= term
}
