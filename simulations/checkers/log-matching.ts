/** Two logs that have an entry of one index and term have the same entry there, and before it. */
import type { EntryHash } from './committed-log.ts'
import { checkerLimits } from './limits.ts'
import { type Violation, violation } from './violation.ts'

export interface AppendedEntry {
  readonly host: string
  readonly index: number
  readonly term: number
  readonly hash: EntryHash
  /** The term of the entry before it in the same log. */
  readonly previousTerm: number
}

export class LogMatching {
  private readonly entries = new Map<number, AppendedEntry[]>()
  private count = 0

  /** A host puts an entry into its log. */
  observe(entry: AppendedEntry): Violation | undefined {
    const { index, term } = entry
    const known = this.entries.get(index)
    const other = known?.find((one) => one.term === term)
    if (other === undefined) {
      if (known) known.push(entry)
      else this.entries.set(index, [entry])
      if (++this.count > checkerLimits.appendedKeptMax) this.forget()
      return undefined
    }
    if (other.hash === entry.hash && other.previousTerm === entry.previousTerm) return undefined
    return violation('log matching', `two different entries ${index}@${term}`, [
      `${other.host}: ${other.hash}, after term ${other.previousTerm}`,
      `${entry.host}: ${entry.hash}, after term ${entry.previousTerm}`,
    ])
  }

  private forget(): void {
    const lowestFirst = [...this.entries.keys()].sort((a, b) => a - b)
    for (const index of lowestFirst) {
      if (this.count <= checkerLimits.appendedKeptMax / 2) return
      this.count -= this.entries.get(index)?.length ?? 0
      this.entries.delete(index)
    }
  }
}
