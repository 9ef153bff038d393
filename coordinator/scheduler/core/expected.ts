/**
 * Runs that there are, and that come later: what they stand on is still asked for. Nobody knows
 * which places of which groups such a run holds, so that a new leader opens the groups only when
 * those that may hold one have come, or are gone.
 */
export class Expected {
  private readonly runs = new Set<string>()
  /** Those of them that the groups wait for. */
  private readonly holders = new Set<string>()

  add(run: string, mayHold: boolean): void {
    this.runs.add(run)
    if (mayHold) this.holders.add(run)
  }

  has(run: string): boolean {
    return this.runs.has(run)
  }

  /** It has come, or is gone. */
  delete(run: string): void {
    this.runs.delete(run)
    this.holders.delete(run)
  }

  get mayHold(): boolean {
    return this.holders.size > 0
  }
}
