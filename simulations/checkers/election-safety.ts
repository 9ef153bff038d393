/** At most one leader in a term. */
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

export class ElectionSafety {
  private readonly leaders = new Map<number, string>()

  /** A host has begun to lead, or leads still: as often as one likes. */
  observe({ host, term }: { host: string; term: number }): Violation | undefined {
    const other = this.leaders.get(term)
    if (other === host) return undefined
    if (other !== undefined)
      return violation('election safety', `${other} and ${host} lead in term ${term}`)
    this.leaders.set(term, host)
    if (this.leaders.size > checkerLimits.termsKeptMax) {
      const oldest = this.leaders.keys().next().value as number
      this.leaders.delete(oldest)
    }
    return undefined
  }

  leaderOf(term: number): string | undefined {
    return this.leaders.get(term)
  }
}
