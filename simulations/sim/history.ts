/**
 * What clients asked of the ledger and heard, in the form that the check for linearizability reads.
 */
import type { Operation } from '../checkers/operations.ts'

export type Ending = (outcome: Operation['outcome'], returnedAt: number | undefined) => Operation

export class History {
  readonly operations: Operation[] = []
  private nextClient = 1

  /** A client does one thing at a time; whoever gave up waiting goes on as another. */
  newClient(): number {
    return this.nextClient++
  }

  /** What never ends stays in the history as unknown. The returned function ends it. */
  begin(asked: Pick<Operation, 'client' | 'key' | 'op' | 'invokedAt'>): Ending {
    const at = this.operations.length
    this.operations.push({ ...asked, returnedAt: undefined, outcome: { kind: 'unknown' } })
    return (outcome, returnedAt) => {
      const ended = { ...asked, returnedAt, outcome }
      this.operations[at] = ended
      return ended
    }
  }

  /** How many ended how. */
  counts(): Record<Operation['outcome']['kind'], number> {
    const counts = { ok: 0, read: 0, conflict: 0, notFound: 0, refused: 0, unknown: 0 }
    for (const { outcome } of this.operations) counts[outcome.kind]++
    return counts
  }
}
