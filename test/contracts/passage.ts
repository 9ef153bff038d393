/**
 * How a contract lets time pass. A contract never sleeps and never asks which world it is in: it
 * says what it waits for, and the world makes that happen, virtual or real.
 */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'

export interface Passage {
  /** Lets so much time pass, and all that is due in it happen. */
  advance(ms: number): Promise<void>
  /** Lets time pass until the predicate holds; fails, naming what was waited for, if it never does. */
  until(what: string, predicate: () => boolean): Promise<void>
}

/** Given by every `make`, with the port under test. */
export interface Subject extends Passage {
  close(): Promise<void> | void
}

/** Longest wait in the real world. A contract that passes does not come near it. */
const realDeadlineMs = 120_000
const realPollMs = 2

export const realPassage: Passage = {
  async advance(ms) {
    await wait(ms)
  },
  async until(what, predicate) {
    const startedMs = performance.now()
    while (!predicate()) {
      if (performance.now() - startedMs > realDeadlineMs) assert.fail(`waited in vain for ${what}`)
      await wait(realPollMs)
    }
  },
}

/** The outcome of a promise that needs time to pass before it settles. */
export async function settled<T>(
  passage: Passage,
  what: string,
  promise: Promise<T>,
): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined
  promise.then(
    (value) => (result = { status: 'fulfilled', value }),
    (reason: unknown) => (result = { status: 'rejected', reason }),
  )
  await passage.until(what, () => result !== undefined)
  return result as PromiseSettledResult<T>
}

export async function outcome<T>(passage: Passage, what: string, promise: Promise<T>): Promise<T> {
  const result = await settled(passage, what, promise)
  if (result.status === 'rejected') throw result.reason
  return result.value
}

/** The error that a promise is rejected with; fails when it is not. */
export async function rejection(
  passage: Passage,
  what: string,
  promise: Promise<unknown>,
): Promise<Error> {
  const result = await settled(passage, what, promise)
  if (result.status === 'fulfilled') assert.fail(`${what} should have been rejected`)
  assert.ok(result.reason instanceof Error, `${what} is rejected with an error`)
  return result.reason
}
