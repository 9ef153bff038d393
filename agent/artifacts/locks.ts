/** One at a time for each name, in the order asked. */
export class Locks {
  readonly #last = new Map<string, Promise<void>>()

  /** Resolves with what lets the next one in. Call it once. */
  async acquire(name: string): Promise<() => void> {
    const before = this.#last.get(name)
    const turn = Promise.withResolvers<void>()
    this.#last.set(name, turn.promise)
    await before
    return () => {
      if (this.#last.get(name) === turn.promise) this.#last.delete(name)
      turn.resolve()
    }
  }

  async with<T>(name: string, work: () => Promise<T>): Promise<T> {
    const release = await this.acquire(name)
    try {
      return await work()
    } finally {
      release()
    }
  }
}

/** Works through all, so many at a time. After a failure nothing new begins, and it is thrown. */
export async function forAll<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  const failures: unknown[] = []
  const worker = async () => {
    for (let next = rest.next(); !next.done && failures.length === 0; next = rest.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (failures.length > 0) throw failures[0]
}
