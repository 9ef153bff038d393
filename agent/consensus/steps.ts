/** Things to be done in order, each in a microtask of its own, so that what one of them has begun goes first. */
export class Steps {
  private readonly waiting: (() => void)[] = []

  get none(): boolean {
    return this.waiting.length === 0
  }

  next(step: () => void): void {
    if (this.waiting.push(step) === 1) queueMicrotask(this.take)
  }

  private readonly take = (): void => {
    this.waiting[0]?.()
    this.waiting.shift()
    if (this.waiting.length > 0) queueMicrotask(this.take)
  }
}
