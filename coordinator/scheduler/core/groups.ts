/**
 * Concurrency groups: those with the same key share a limit. The same for runs and for stages; whoever
 * asks is told who goes in and who is to be stopped.
 *
 * `queue` lets in the first that came. `cancelRunning` keeps the newest and stops the others.
 * `cancelNewest` stops who finds no room. Of `roundRobin`, all keys of one workflow (and stage)
 * share the limit, and take turns.
 */
import type { ConcurrencyPolicy } from '../../../protocol/workflow/model.ts'

export interface Member {
  /** The least goes first; of equals, the one of the lower order. */
  readonly rank: number
  readonly order: number
  isHolding: boolean
}

export interface Terms {
  /** Of the group; for `roundRobin`, of all its keys. */
  readonly name: string
  readonly key: string
  readonly limit: number
  readonly policy: ConcurrencyPolicy
}

interface Waiting<T> {
  readonly member: T
  readonly terms: Terms
  readonly number: number
}

export interface Review<T> {
  readonly admit: readonly T[]
  readonly stop: readonly T[]
}

interface Group<T> {
  /** In the order in which they went in. */
  readonly holding: Map<T, Terms>
  waiting: Waiting<T>[]
  /** Of `roundRobin`: when each key had its last turn. */
  readonly turns: Map<string, number>
}

export class Groups<T extends Member> {
  private readonly groups = new Map<string, Group<T>>()
  private readonly nameOf = new Map<T, string>()
  private readonly stopping = new Set<T>()
  private isShut = false
  private count = 0

  /** It holds a place already: the ledger says so. */
  hold(member: T, terms: Terms): void {
    const group = this.groupOf(terms.name)
    group.holding.set(member, terms)
    member.isHolding = true
    this.nameOf.set(member, terms.name)
  }

  /**
   * From here to `open` nobody is let in, and nobody stopped: who holds a place already may be in a
   * run that is not read yet.
   */
  shut(): void {
    this.isShut = true
  }

  /** All groups, by who is in them now. */
  open(): Review<T>[] {
    this.isShut = false
    return [...this.groups.values()].map((group) => this.review(group))
  }

  ask(member: T, terms: Terms): Review<T> {
    const group = this.groupOf(terms.name)
    group.waiting.push({ member, terms, number: ++this.count })
    this.nameOf.set(member, terms.name)
    return this.review(group)
  }

  isIn(member: T): boolean {
    return this.nameOf.has(member)
  }

  /** It is over, or wants no place any more. */
  leave(member: T): Review<T> {
    const name = this.nameOf.get(member)
    const group = name === undefined ? undefined : this.groups.get(name)
    if (name === undefined || group === undefined) return nothing
    this.nameOf.delete(member)
    this.stopping.delete(member)
    member.isHolding = false
    if (!group.holding.delete(member)) {
      group.waiting = group.waiting.filter((each) => each.member !== member)
    }
    if (group.holding.size === 0 && group.waiting.length === 0) this.groups.delete(name)
    return this.review(group)
  }

  /** It will be back: nobody is let in for it meanwhile. Returns the name of its group. */
  drop(member: T): string | undefined {
    const name = this.nameOf.get(member)
    const group = name === undefined ? undefined : this.groups.get(name)
    this.nameOf.delete(member)
    this.stopping.delete(member)
    if (group?.holding.delete(member) === false) {
      group.waiting = group.waiting.filter((each) => each.member !== member)
    }
    return name
  }

  look(name: string): Review<T> {
    const group = this.groups.get(name)
    return group === undefined ? nothing : this.review(group)
  }

  /** For people: who is in its way. */
  holders(member: T): readonly T[] {
    const name = this.nameOf.get(member)
    const group = name === undefined ? undefined : this.groups.get(name)
    return group === undefined ? [] : [...group.holding.keys()]
  }

  private groupOf(name: string): Group<T> {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = { holding: new Map(), waiting: [], turns: new Map() }
      this.groups.set(name, group)
    }
    return group
  }

  private review(group: Group<T>): Review<T> {
    if (this.isShut || group.waiting.length === 0) return nothing
    const stop = this.toStop(group)
    const admit: T[] = []
    for (;;) {
      const next = this.next(group)
      if (next === undefined || group.holding.size >= next.terms.limit) break
      group.waiting.splice(group.waiting.indexOf(next), 1)
      group.holding.set(next.member, next.terms)
      next.member.isHolding = true
      group.turns.set(next.terms.key, ++this.count)
      admit.push(next.member)
    }
    for (const { member, terms } of group.waiting) {
      if (terms.policy === 'cancelNewest') stop.push(member)
    }
    return { admit, stop: stop.filter((member) => this.isNew(member)) }
  }

  /** Under `cancelRunning`: all but the newest, as many as there is room for. */
  private toStop(group: Group<T>): T[] {
    const newest = group.waiting.reduce((a, b) => (a.number > b.number ? a : b))
    const { policy, limit } = newest.terms
    if (policy !== 'cancelRunning') return []
    const waiting = [...group.waiting].sort((a, b) => a.number - b.number)
    const all = [...group.holding.keys(), ...waiting.map(({ member }) => member)]
    return all.filter((member) => !this.stopping.has(member)).slice(0, -limit)
  }

  private next(group: Group<T>): Waiting<T> | undefined {
    let best: Waiting<T> | undefined
    for (const each of group.waiting) {
      if (this.stopping.has(each.member)) continue
      if (best === undefined || precedes(each, best, group.turns)) best = each
    }
    return best
  }

  private isNew(member: T): boolean {
    if (this.stopping.has(member)) return false
    this.stopping.add(member)
    return true
  }
}

function precedes<T extends Member>(
  a: Waiting<T>,
  b: Waiting<T>,
  turns: ReadonlyMap<string, number>,
): boolean {
  if (a.terms.policy === 'roundRobin' && b.terms.policy === 'roundRobin') {
    const byTurn = (turns.get(a.terms.key) ?? 0) - (turns.get(b.terms.key) ?? 0)
    if (byTurn !== 0) return byTurn < 0
  }
  const { member } = a
  const other = b.member
  return (member.rank - other.rank || member.order - other.order || a.number - b.number) < 0
}

const nothing: Review<never> = { admit: [], stop: [] }
