/** How somebody outside of all hosts lets time go by, and gives up waiting. */
import type { World } from '../world/world.ts'

export function rest({ scheduler, nowMs }: World, ms: number): Promise<void> {
  return new Promise((resolve) => scheduler.at(nowMs + ms, resolve))
}

/** Undefined when nothing is heard in time: whoever was asked may have died. */
export function heardWithin<T>(
  { scheduler, nowMs }: World,
  ms: number,
  answer: Promise<T>,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = scheduler.at(nowMs + ms, () => resolve(undefined))
    answer.then((heard) => {
      scheduler.cancel(giveUp)
      resolve(heard)
    }, reject)
  })
}
