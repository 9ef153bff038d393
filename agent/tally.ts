/** Counts by reason. Bounded by the number of reasons there are. */
export class Tally<Reason extends string> {
  readonly #counts = new Map<Reason, number>()

  add(reason: Reason): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
  }

  counts(): Readonly<Partial<Record<Reason, number>>> {
    return Object.fromEntries(this.#counts) as Partial<Record<Reason, number>>
  }
}
