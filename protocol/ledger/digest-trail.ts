/**
 * Digests at agreed indices, so that replicas that are never at the same index at the same moment
 * can still be compared at one that both have passed.
 */
import { digestOf } from './digest.ts'
import { type LocalLimits, localLimits } from './limits.ts'
import type { LedgerState } from './state.ts'

export interface DigestMark {
  readonly index: number
  readonly digest: string
}

export type Comparison =
  /** Equal at every index that both know; `index` is the highest. */
  | { kind: 'same'; index: number }
  /**
   * `index` is the lowest at which they differ, and `sameAt` the highest before at which they were
   * known to be equal, if any: the entry that drove them apart lies after it. Stop applying.
   */
  | { kind: 'diverged'; index: number; ours: string; theirs: string; sameAt: number | undefined }
  /** No index in common, which says nothing. */
  | { kind: 'incomparable' }

export function markOf(state: LedgerState): DigestMark {
  return { index: state.index, digest: digestOf(state) }
}

export function compareDigests(
  ours: Iterable<DigestMark>,
  theirs: Iterable<DigestMark>,
): Comparison {
  const known = new Map<number, string>()
  for (const { index, digest } of ours) known.set(index, digest)
  const shared = [...theirs].filter(({ index }) => known.has(index))
  shared.sort((a, b) => a.index - b.index)
  let sameAt: number | undefined
  for (const { index, digest } of shared) {
    const own = known.get(index) as string
    if (own !== digest) return { kind: 'diverged', index, ours: own, theirs: digest, sameAt }
    sameAt = index
  }
  return sameAt === undefined ? { kind: 'incomparable' } : { kind: 'same', index: sameAt }
}

export class DigestTrail {
  private readonly limits: LocalLimits
  private readonly kept: DigestMark[] = []

  constructor(limits: LocalLimits = localLimits) {
    this.limits = limits
  }

  /** After every entry. Costs something only at the indices at which all replicas take note. */
  note(state: LedgerState): void {
    if (state.index % this.limits.digestEveryEntries !== 0) return
    this.kept.push(markOf(state))
    if (this.kept.length > this.limits.digestsKeptMax) this.kept.shift()
  }

  /** Oldest first. */
  get marks(): readonly DigestMark[] {
    return this.kept
  }
}
