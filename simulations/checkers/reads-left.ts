/**
 * Who has yet to read what is there. A value that is written once is read by all who read it before
 * anything else is written: an order that writes over it too early leads nowhere, and this says so
 * at once, long before the search would come upon the read.
 */
import type { Operation } from './operations.ts'

export class ReadsLeft {
  /** Only of values that are written once. */
  private readonly left = new Map<string, number>()

  private readonly read = new Set<string>()

  constructor(operations: readonly Operation[]) {
    const writes = new Map<string, number>()
    for (const { op } of operations)
      if (op.kind === 'put') writes.set(op.value, (writes.get(op.value) ?? 0) + 1)
    for (const [value, count] of writes) if (count === 1) this.left.set(value, 0)
    for (const operation of operations) {
      const { outcome } = operation
      if (outcome.kind === 'read' && outcome.value !== undefined) this.read.add(outcome.value)
      this.count(operation, 1)
    }
  }

  /** What nobody reads may as well be any other such value. */
  isRead(value: string): boolean {
    return this.read.has(value)
  }

  of(value: string | undefined): number {
    return value === undefined ? 0 : (this.left.get(value) ?? 0)
  }

  placed(operation: Operation): void {
    this.count(operation, -1)
  }

  unplaced(operation: Operation): void {
    this.count(operation, 1)
  }

  private count({ outcome }: Operation, by: number): void {
    if (outcome.kind !== 'read' || outcome.value === undefined) return
    const known = this.left.get(outcome.value)
    if (known !== undefined) this.left.set(outcome.value, known + by)
  }
}
