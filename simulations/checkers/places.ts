/**
 * Places of concurrency groups: no more hold one at once than the group has, whoever leads. Counted
 * are runs that run, and units that an agent has; who is being stopped counts until it is over. What
 * one entry says comes about at once, so it is judged after each.
 */
import { type Violation, violation } from './violation.ts'

/** As whoever takes a place has it; all of one name ask for the same limit. */
export interface Group {
  readonly name: string
  readonly limit: number
}

export class Places {
  private readonly holders = new Map<string, Set<string>>()
  private readonly groupOf = new Map<string, string>()
  /** Those in which a place was taken since they were judged. */
  private readonly entered = new Map<string, number>()

  takes(holder: string, { name, limit }: Group): void {
    const holders = this.holders.get(name) ?? new Set()
    this.holders.set(name, holders.add(holder))
    this.groupOf.set(holder, name)
    this.entered.set(name, limit)
  }

  leaves(holder: string): void {
    const name = this.groupOf.get(holder)
    if (name === undefined) return
    this.groupOf.delete(holder)
    this.holders.get(name)?.delete(holder)
  }

  /** As they are now. */
  judge(): Violation | undefined {
    for (const [name, limit] of this.entered) {
      this.entered.delete(name)
      const holders = this.holders.get(name) ?? new Set()
      if (holders.size <= limit) continue
      const what = `${holders.size} hold a place of ${name} at once, and it has ${limit}`
      return violation('a group has so many places', what, [...holders])
    }
    return undefined
  }
}
