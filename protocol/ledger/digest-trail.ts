/**
 * What this replica held after entries of late, so that replicas that are never at one entry at one
 * moment can still be compared: at marks, of which all take note, and for the last few entries at
 * any of them.
 */
import { type DigestSource, digestOf, sourceOf } from './digest.ts'
import { type LocalLimits, localLimits } from './limits.ts'

export interface DigestMark {
  readonly index: number
  readonly digest: string
}

/** A state, or what is about to be one. */
export type Position = DigestSource & { readonly index: number }

interface Recent {
  readonly index: number
  readonly source: DigestSource
  digest: string | undefined
}

export function markOf(state: Position): DigestMark {
  return { index: state.index, digest: digestOf(state) }
}

export class DigestTrail {
  private readonly limits: LocalLimits
  /** By the ordinal of the mark; an older one under the same place is written over. */
  private readonly kept: (DigestMark | undefined)[] = []
  /** By the index, in the same way. Not digested until somebody asks. */
  private readonly recent: (Recent | undefined)[] = []
  private newestMark: DigestMark | undefined

  constructor(limits: LocalLimits = localLimits) {
    this.limits = limits
  }

  /** After every entry, and after a snapshot. Costs something only at marks. */
  note(state: Position): void {
    const { digestEveryEntries, digestsKeptMax, recentDigestsMax } = this.limits
    const { index } = state
    this.recent[index % recentDigestsMax] = { index, source: sourceOf(state), digest: undefined }
    if (index % digestEveryEntries !== 0) return
    this.newestMark = markOf(state)
    this.kept[(index / digestEveryEntries) % digestsKeptMax] = this.newestMark
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
    return recent?.index === index ? toldOf(recent) : undefined
  }
}

/** Asked for again and again while nothing is appended. */
function toldOf(recent: Recent): string {
  recent.digest ??= digestOf(recent.source)
  return recent.digest
}
