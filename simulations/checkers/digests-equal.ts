/** Hosts that have applied the same entries are in the same state. */
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

/** How states are held against each other: by their digests, or by all that these are made of. */
export interface Likeness<D> {
  same(a: D, b: D): boolean
  /** Of one that is kept to be compared with: what is not needed for that need not live on. */
  kept(digest: D): D
  told(digest: D): string
}

export const plainly: Likeness<string | number> = {
  same: (a, b) => a === b,
  kept: (digest) => digest,
  told: (digest) => String(digest),
}

export class DigestsEqual<D> {
  private readonly likeness: Likeness<D>
  private readonly known = new Map<number, { host: string; digest: D }>()

  constructor(likeness: Likeness<D>) {
    this.likeness = likeness
  }

  /** The digest of a host's state as of the entry that it applied last. */
  observe(seen: { host: string; index: number; digest: D }): Violation | undefined {
    const { host, index, digest } = seen
    const { same, kept, told } = this.likeness
    const other = this.known.get(index)
    if (other === undefined) {
      this.known.set(index, { host, digest: kept(digest) })
      if (this.known.size > checkerLimits.digestsKeptMax) this.forget()
      return undefined
    }
    if (same(other.digest, digest)) return undefined
    return violation('equal states', `${other.host} and ${host} differ at ${index}`, [
      `${other.host}: ${told(other.digest)}`,
      `${host}: ${told(digest)}`,
    ])
  }

  private forget(): void {
    const lowestFirst = [...this.known.keys()].sort((a, b) => a - b)
    for (const index of lowestFirst.slice(0, checkerLimits.digestsKeptMax / 2))
      this.known.delete(index)
  }
}
