/**
 * Appends sent and not yet answered, oldest first: a ring that is full at a count or at an amount of
 * bytes, so that a peer that stops reading costs no more than that.
 */
export class Inflights {
  private readonly countMax: number
  private readonly bytesMax: number
  private readonly lasts: number[] = []
  private readonly sizes: number[] = []
  private start = 0
  private held = 0
  private heldBytes = 0

  constructor(countMax: number, bytesMax: number) {
    this.countMax = countMax
    this.bytesMax = bytesMax
  }

  get count(): number {
    return this.held
  }

  get full(): boolean {
    return this.held >= this.countMax || this.heldBytes >= this.bytesMax
  }

  add(lastIndex: number, bytes: number): void {
    const at = (this.start + this.held) % this.countMax
    this.lasts[at] = lastIndex
    this.sizes[at] = bytes
    this.held++
    this.heldBytes += bytes
  }

  /** Everything up to `index` has arrived. */
  freeTo(index: number): void {
    while (this.held > 0 && (this.lasts[this.start] as number) <= index) this.freeFirst()
  }

  /** Gives room for one more, so that a window whose answers were all lost does not stay shut. */
  freeFirst(): void {
    if (this.held === 0) return
    this.heldBytes -= this.sizes[this.start] as number
    this.start = (this.start + 1) % this.countMax
    this.held--
  }

  clear(): void {
    this.start = 0
    this.held = 0
    this.heldBytes = 0
  }
}
