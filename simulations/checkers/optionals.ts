/**
 * Operations that may have taken effect at any time since their invocation, or never. Of those that
 * are alike the one invoked first can stand for any other, so they are used in that order, and how
 * many of each kind were used says which.
 */
import type { Operation } from './operations.ts'
import { mayCome, type Register } from './register.ts'
import type { Searched } from './search.ts'

interface Alike {
  readonly expect: number | undefined
  readonly members: readonly Searched[]
  used: number
}

export class Optionals {
  private readonly alike: Alike[] = []

  constructor(all: readonly Searched[]) {
    const kinds = new Map<string, Searched[]>()
    const inOrder = all.filter(({ returnedAt }) => returnedAt === undefined)
    inOrder.sort((a, b) => a.invokedAt - b.invokedAt)
    for (const searched of inOrder) {
      const members = kinds.get(searched.likeness)
      if (members) members.push(searched)
      else kinds.set(searched.likeness, [searched])
    }
    for (const members of kinds.values()) {
      const op = members[0]?.operation.op
      const expect = op?.kind === 'get' ? undefined : op?.expect
      this.alike.push({ expect, members, used: 0 })
    }
  }

  get kinds(): number {
    return this.alike.length
  }

  /** The next of a kind, if it was invoked by then. */
  next(kind: number, until: number): Operation | undefined {
    const { members, used } = this.alike[kind] as Alike
    const next = members[used]
    return next !== undefined && next.invokedAt <= until ? next.operation : undefined
  }

  use(kind: number): void {
    const alike = this.alike[kind] as Alike
    alike.used++
  }

  giveBack(kind: number): void {
    const alike = this.alike[kind] as Alike
    alike.used--
  }

  /** How many of each kind were used, as far as it matters yet. */
  spent(register: Register): readonly number[] {
    return this.alike.map(({ expect, used }) => (mayCome(register, expect) ? used : 0))
  }
}

/** Whoever has spent no more of any kind can go wherever the other can. */
export function isNoMore(a: readonly number[], b: readonly number[]): boolean {
  return a.every((used, kind) => used <= (b[kind] as number))
}
