/**
 * What this replica held after entries of late, so that replicas that are never at one entry at one
 * moment can still be compared: at marks, of which all take note, and for the last few entries at
 * any of them.
 */
import { type DigestSource, digestOf, sumOf } from './digest.ts'
import { type LocalLimits, localLimits } from './limits.ts'

export interface DigestMark {
  readonly index: number
  readonly digest: string
}

/** A state, or what is about to be one. */
export type Position = DigestSource & { readonly index: number }

export function markOf(state: Position): DigestMark {
  return { index: state.index, digest: digestOf(state) }
}

export class DigestTrail {
  private readonly limits: LocalLimits
  /** By the ordinal of the mark; an older one under the same place is written over. */
  private readonly kept: (DigestMark | undefined)[] = []
  /** By the index, in the same way. Not digested until somebody asks. */
  private readonly recent: (Position | undefined)[] = []
  private newestMark: DigestMark | undefined

  constructor(limits: LocalLimits = localLimits) {
    this.limits = limits
  }

  /** After every entry, and after a snapshot. Costs something only at marks. */
  note(state: Position): void {
    const { digestEveryEntries, digestsKeptMax, recentDigestsMax } = this.limits
    this.recent[state.index % recentDigestsMax] = recentOf(state)
    if (state.index % digestEveryEntries !== 0) return
    this.newestMark = markOf(state)
    this.kept[(state.index / digestEveryEntries) % digestsKeptMax] = this.newestMark
  }

  get newest(): DigestMark | undefined {
    return this.newestMark
  }

  /** Undefined for an entry that was not passed here, or that is too long ago. */
  digestAt(index: number): string | undefined {
    const { digestEveryEntries, digestsKeptMax, recentDigestsMax } = this.limits
    if (index % digestEveryEntries === 0) {
      const mark = this.kept[(index / digestEveryEntries) % digestsKeptMax]
      if (mark?.index === index) return mark.digest
    }
    const recent = this.recent[index % recentDigestsMax]
    return recent?.index === index ? digestOf(recent) : undefined
  }
}

/** What a digest is made of, without the rows: keeping it keeps no old state alive. */
function recentOf(state: Position): Position {
  const { index, timeMs, version, auditHead, auditAnchor, estopFloor } = state
  const sum = sumOf(state.sum)
  const rows = { size: state.rows.size }
  return { index, sum, rows, timeMs, version, auditHead, auditAnchor, estopFloor }
}
