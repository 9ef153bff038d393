/** Hosts that have applied the same entries are in the same state. */
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

export class DigestsEqual {
  private readonly known = new Map<number, { host: string; digest: string | number }>()

  /** The digest of a host's state as of the entry that it applied last. */
  observe(seen: { host: string; index: number; digest: string | number }): Violation | undefined {
    const { host, index, digest } = seen
    const other = this.known.get(index)
    if (other === undefined) {
      this.known.set(index, { host, digest })
      if (this.known.size > checkerLimits.digestsKeptMax) this.forget()
      return undefined
    }
    if (other.digest === digest) return undefined
    return violation('equal states', `${other.host} and ${host} differ at ${index}`, [
      `${other.host}: ${other.digest}`,
      `${host}: ${digest}`,
    ])
  }

  private forget(): void {
    const lowestFirst = [...this.known.keys()].sort((a, b) => a - b)
    for (const index of lowestFirst.slice(0, checkerLimits.digestsKeptMax / 2))
      this.known.delete(index)
  }
}
