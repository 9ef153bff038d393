/**
 * What this replica held after entries of late, so that replicas that are never at one entry at one
 * moment can still be compared: at marks, of which all take note, and for the last few entries at
 * any of them.
 */
import { type DigestSource, digestOf, RunningSum } from './digest.ts'
import { type LocalLimits, localLimits } from './limits.ts'

export interface DigestMark {
  readonly index: number
  readonly digest: string
}

/** A state, or what is about to be one. */
export type Position = DigestSource & { readonly index: number }

/**
 * What a digest is made of, without the rows: keeping it keeps no old state alive. It is written over
 * and not made anew, for every entry comes by here.
 */
class Recent implements Position {
  index: number
  readonly sum: RunningSum
  readonly rows: { size: number }
  timeMs: number
  version: number
  auditHead: Position['auditHead']
  auditAnchor: Position['auditAnchor']
  estopFloor: number
  /** Asked for again and again while nothing is appended. */
  private digest: string | undefined = undefined

  constructor(state: Position) {
    this.index = state.index
    this.sum = new RunningSum(state.sum)
    this.rows = { size: state.rows.size }
    this.timeMs = state.timeMs
    this.version = state.version
    this.auditHead = state.auditHead
    this.auditAnchor = state.auditAnchor
    this.estopFloor = state.estopFloor
  }

  become(state: Position): void {
    this.index = state.index
    this.sum.become(state.sum)
    this.rows.size = state.rows.size
    this.timeMs = state.timeMs
    this.version = state.version
    this.auditHead = state.auditHead
    this.auditAnchor = state.auditAnchor
    this.estopFloor = state.estopFloor
    this.digest = undefined
  }

  told(): string {
    this.digest ??= digestOf(this)
    return this.digest
  }
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
    const place = index % recentDigestsMax
    const recent = this.recent[place]
    if (recent) recent.become(state)
    else this.recent[place] = new Recent(state)
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
    return recent?.index === index ? recent.told() : undefined
  }
}
