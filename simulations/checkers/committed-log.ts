/**
 * The one log that all hosts agree on, as it became known: what the first host applied at an index.
 * It is what later hosts and leaders are compared with. What is far behind is folded into a chain
 * of hashes, one text for everything that was ever committed.
 */
import { createHash } from 'node:crypto'
import { assert } from '../../protocol/assert.ts'
import { checkerLimits } from './limits.ts'

/** Whatever tells two entries apart: a checksum or a digest, of kind and payload. */
export type EntryHash = number | string

export interface CommittedEntry {
  readonly term: number
  readonly hash: EntryHash
  /** The term in which the first host that applied it was: it was committed in this one or before. */
  readonly knownInTerm: number
  /** Who applied it first. */
  readonly host: string
}

export class CommittedLog {
  /** Entries up to here are folded. */
  private base = 0
  private chain = ''
  private kept: CommittedEntry[] = []
  private readonly keptMax: number

  constructor(keptMax: number = checkerLimits.committedKeptMax) {
    this.keptMax = keptMax
  }

  get firstKept(): number {
    return this.base + 1
  }

  get lastIndex(): number {
    return this.base + this.kept.length
  }

  at(index: number): CommittedEntry | undefined {
    return this.kept[index - this.base - 1]
  }

  push(entry: CommittedEntry): void {
    this.kept.push(entry)
    if (this.kept.length <= this.keptMax) return
    this.fold(this.base + Math.ceil(this.keptMax / 2))
  }

  /** One text for all that was committed: two histories with one fingerprint committed the same. */
  fingerprint(): string {
    let { chain } = this
    this.kept.forEach((entry, i) => {
      chain = link(chain, this.base + 1 + i, entry)
    })
    return chain
  }

  /**
   * A host begins with a state that nobody here has seen grow: a snapshot of a history that had begun
   * before. Only while nothing is known.
   */
  beginAfter(index: number): void {
    assert(this.lastIndex === 0, 'a log may begin late only while it is empty', { index })
    this.base = index
  }

  private fold(index: number): void {
    const folded = this.kept.splice(0, index - this.base)
    for (const entry of folded) this.chain = link(this.chain, ++this.base, entry)
  }
}

function link(chain: string, index: number, { term, hash }: CommittedEntry): string {
  return createHash('sha256').update(`${chain}|${index}|${term}|${hash}`).digest('hex')
}
