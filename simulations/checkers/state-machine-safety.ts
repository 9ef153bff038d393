/**
 * All hosts apply the same entries in the same order, each once in a life; no host's commit index
 * goes back while it lives, nor below what its disk had synced when it comes again.
 */
import { CommittedLog, type EntryHash } from './committed-log.ts'
import { type Violation, violation } from './violation.ts'

const LAW = 'state machine safety'

export type Progress =
  /** A host begins with the state as of `index`: when it starts, and when it takes a snapshot over. */
  | { kind: 'begins'; host: string; index: number }
  /** The next entry. `term` and `hash` are the entry's; `inTerm` is the term that the host is in. */
  | { kind: 'applied'; host: string; index: number; term: number; hash: EntryHash; inTerm: number }
  /** The commit index that a host says it has. */
  | { kind: 'committed'; host: string; index: number }
  /** A commit index is synced on the host's disk. */
  | { kind: 'durable'; host: string; index: number }
  /** It died; its next life may know less of what is committed. */
  | { kind: 'died'; host: string }
  /** Its disk was lost: the next life owes nothing to this one. */
  | { kind: 'wiped'; host: string }

interface Seen {
  applied: number | undefined
  commit: number
  durable: number
}

export class StateMachineSafety {
  readonly log: CommittedLog
  private readonly hosts = new Map<string, Seen>()

  constructor(log: CommittedLog = new CommittedLog()) {
    this.log = log
  }

  observe(progress: Progress): Violation | undefined {
    const { host } = progress
    switch (progress.kind) {
      case 'begins':
        return this.begins(host, progress.index)
      case 'applied':
        return this.applied(progress)
      case 'committed':
        return this.committed(host, progress.index)
      case 'durable': {
        const seen = this.seen(host)
        seen.durable = Math.max(seen.durable, progress.index)
        return undefined
      }
      case 'died': {
        const seen = this.seen(host)
        seen.applied = undefined
        seen.commit = 0
        return undefined
      }
      case 'wiped':
        this.hosts.delete(host)
        return undefined
    }
  }

  /** The entry that a host applied last in this life. */
  appliedBy(host: string): number | undefined {
    return this.hosts.get(host)?.applied
  }

  private seen(host: string): Seen {
    let seen = this.hosts.get(host)
    if (!seen) {
      seen = { applied: undefined, commit: 0, durable: 0 }
      this.hosts.set(host, seen)
    }
    return seen
  }

  private begins(host: string, index: number): Violation | undefined {
    const seen = this.seen(host)
    const { applied } = seen
    if (applied !== undefined && index < applied)
      return violation(LAW, `${host} went back from ${applied} to a snapshot of ${index}`)
    if (index > this.log.lastIndex) {
      if (this.log.lastIndex > 0)
        return violation(LAW, `${host} begins at ${index}, and nobody has applied that yet`)
      this.log.beginAfter(index)
    }
    seen.applied = index
    return undefined
  }

  private applied(entry: Extract<Progress, { kind: 'applied' }>): Violation | undefined {
    const { host, index, term, hash, inTerm } = entry
    const seen = this.seen(host)
    const before = seen.applied ?? 0
    if (index !== before + 1) return violation(LAW, `${host} applied ${index} after ${before}`)
    seen.applied = index
    const known = this.log.at(index)
    if (known === undefined) {
      if (index === this.log.lastIndex + 1) this.log.push({ term, hash, knownInTerm: inTerm, host })
      return undefined
    }
    if (known.term === term && known.hash === hash) return undefined
    return violation(LAW, `${host} and ${known.host} applied different entries at ${index}`, [
      `${known.host}: ${index}@${known.term} ${known.hash}`,
      `${host}: ${index}@${term} ${hash}`,
    ])
  }

  private committed(host: string, index: number): Violation | undefined {
    const seen = this.seen(host)
    if (index < seen.commit)
      return violation('commit monotonic', `${host} went back from ${seen.commit} to ${index}`)
    if (index < seen.durable)
      return violation(
        'commit monotonic',
        `${host} knows ${index} to be committed; its disk had synced ${seen.durable}`,
      )
    seen.commit = index
    return undefined
  }
}
