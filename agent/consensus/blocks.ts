/**
 * The records that the log is made of, and how much of each still counts. A record stays as it was
 * written when a later one takes the place of its end, and only the later one says so: it must not
 * go before the other, or what was taken back would stand in the log again.
 *
 * Invariant: in the order of writing, each begins after what still counts of those before it. So what
 * a snapshot covers is always the oldest of them.
 */
import type { BlockName } from './keys.ts'

interface Held {
  readonly name: BlockName
  /** The last of its entries that still counts; before its first, if none does. */
  lastIndex: number
}

export class Blocks {
  private held: Held[] = []

  get names(): readonly BlockName[] {
    return this.held.map(({ name }) => name)
  }

  /** What was written as `name` takes the place of all from its first entry on. */
  add(name: BlockName): void {
    this.held.push({ name, lastIndex: name.lastIndex })
  }

  /** One that is not whole: it says nothing, and yet what it took the place of is void. */
  addDamaged(name: BlockName): void {
    this.held.push({ name, lastIndex: name.firstIndex - 1 })
  }

  /** What stood at `index` or after it is void. Returns those of which nothing is left. */
  voidFrom(index: number): BlockName[] {
    const gone: BlockName[] = []
    let last = this.held.at(-1)
    while (last && last.name.firstIndex >= index) {
      gone.push(last.name)
      this.held.pop()
      last = this.held.at(-1)
    }
    if (last) last.lastIndex = Math.min(last.lastIndex, index - 1)
    return gone
  }

  /** A snapshot stands at `index`. Returns those of which it covers all that counts. */
  coverTo(index: number): BlockName[] {
    const from = this.held.findIndex(({ lastIndex }) => lastIndex > index)
    return this.held.splice(0, from < 0 ? this.held.length : from).map(({ name }) => name)
  }

  /** Returns all of them. */
  clear(): BlockName[] {
    return this.held.splice(0).map(({ name }) => name)
  }
}
