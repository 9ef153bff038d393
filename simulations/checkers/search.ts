/**
 * Searches one key's history for an order: Wing and Gong's search over a list of invocations and
 * returns, in which what has been put in order is lifted out (Lowe), with a cache of where it has
 * been (Lowe, Horn and Kroening): which operations are placed, and the register that they left.
 *
 * An operation that must be in the order has a return. Those that may be left out for ever have
 * none; they are tried last at each place, so that a history in which little is unknown is searched
 * as if nothing were.
 */
import { assert } from '../../protocol/assert.ts'
import type { Operation } from './operations.ts'
import { isNoMore, Optionals } from './optionals.ts'
import { ReadsLeft } from './reads-left.ts'
import { emptyRegister, type Register, step } from './register.ts'
import { type Node, Timeline } from './timeline.ts'

export interface Searched {
  readonly operation: Operation
  readonly invokedAt: number
  /** Undefined: it may be left out. */
  readonly returnedAt: number | undefined
  /** Of those that may be left out, ones with the same name have the same effect on all others. */
  readonly likeness: string
}

export interface Blocked {
  kind: 'none'
  /** No order gets past its return. */
  blocked: Operation
  /** One that gets there, and where it leads. */
  order: readonly Operation[]
  register: Register
}

export type Found = { kind: 'order' } | { kind: 'undecided' } | Blocked

/** Steps that are left for everything that is searched together. */
export interface Budget {
  steps: number
}

/** What is next in the order: something with a return, or one of a kind of those without. */
interface Placed {
  readonly node: Node | undefined
  readonly choice: number
  readonly operation: Operation
  readonly register: Register
}

export interface SearchManner {
  /** Looks at what will be read, and turns back sooner: then where it got furthest tells nothing. */
  readonly foresight: boolean
  /** Ends where no order gets past this moment, to show it. */
  readonly stopAt?: number
}

export type SearchResult = Found & { readonly furthestAt: number }

export function searchOrder(
  all: readonly Searched[],
  budget: Budget,
  manner: SearchManner,
): SearchResult {
  return new Search(all, manner).run(budget)
}

class Search {
  private readonly manner: SearchManner
  private readonly timeline: Timeline
  private readonly optionals: Optionals
  private readonly readsLeft: ReadsLeft
  /** At each place, what had been spent of those that may be left out. */
  private readonly been = new Map<string, (readonly number[])[]>()
  private readonly placed: Placed[] = []
  private register: Register = emptyRegister

  constructor(all: readonly Searched[], manner: SearchManner) {
    this.manner = manner
    this.timeline = new Timeline(all)
    this.optionals = new Optionals(all)
    this.readsLeft = new ReadsLeft(all.map(({ operation }) => operation))
  }

  run(budget: Budget): SearchResult {
    const { timeline, optionals, manner } = this
    let furthestAt = Number.NEGATIVE_INFINITY
    let node = timeline.first
    let choice = 0
    while (timeline.left > 0) {
      assert(node !== undefined, 'what is left must return')
      if (budget.steps-- <= 0) return { kind: 'undecided', furthestAt }
      if (!node.isReturn) {
        node = this.place(node) ? timeline.first : node.after
        choice = 0
      } else if (choice < optionals.kinds) {
        // All that must be in the order was tried here.
        if (!this.placeOptional(choice, node.at)) choice++
        else {
          node = timeline.first
          choice = 0
        }
      } else {
        if (node.at === manner.stopAt) return { ...this.blockedBy(node), furthestAt }
        furthestAt = Math.max(furthestAt, node.at)
        const last = this.unplace()
        if (last === undefined) return { ...this.blockedBy(node), furthestAt }
        choice = last.choice + 1
        node = last.node ? last.node.after : timeline.firstReturn()
      }
    }
    return { kind: 'order', furthestAt }
  }

  /** Next in the order, if it could be there and that leads to where the search has not been. */
  private place(node: Node): boolean {
    const { operation } = node.searched
    const after = this.after(operation)
    if (after === undefined) return false
    this.timeline.lift(node)
    if (this.enters(after)) {
      this.advance({ node, choice: -1, operation, register: this.register }, after)
      return true
    }
    this.timeline.restore(node)
    return false
  }

  private placeOptional(choice: number, until: number): boolean {
    const { optionals } = this
    const operation = optionals.next(choice, until)
    const after = operation && this.after(operation)
    if (operation === undefined || after === undefined) return false
    optionals.use(choice)
    if (this.enters(after)) {
      this.advance({ node: undefined, choice, operation, register: this.register }, after)
      return true
    }
    optionals.giveBack(choice)
    return false
  }

  private after(operation: Operation): Register | undefined {
    const { register } = this
    const after = step(register, operation)
    const writes = after !== undefined && after.value !== register.value
    return writes && this.manner.foresight && this.readsLeft.of(register.value) > 0
      ? undefined
      : after
  }

  private advance(placed: Placed, after: Register): void {
    this.readsLeft.placed(placed.operation)
    this.placed.push(placed)
    this.register = after
  }

  private unplace(): Placed | undefined {
    const last = this.placed.pop()
    if (last === undefined) return undefined
    this.register = last.register
    this.readsLeft.unplaced(last.operation)
    if (last.node) this.timeline.restore(last.node)
    else this.optionals.giveBack(last.choice)
    return last
  }

  /** False where the search has been, having spent no more. */
  private enters(register: Register): boolean {
    const { value, revision, floor } = register
    const shown = value !== undefined && this.readsLeft.isRead(value) ? value : ''
    const what = value === undefined ? '' : `=${shown}`
    const place = `${this.timeline.name()}/${revision ?? '?'}/${floor}/${what}`
    const spent = this.optionals.spent(register)
    const before = this.been.get(place)
    if (before?.some((one) => isNoMore(one, spent))) return false
    if (before) before.push(spent)
    else this.been.set(place, [spent])
    return true
  }

  private blockedBy(node: Node): Blocked {
    const order = this.placed.map(({ operation }) => operation)
    return { kind: 'none', blocked: node.searched.operation, order, register: this.register }
  }
}
