/**
 * All attempts that this agent holds, by task, and the fences of those that it held until lately.
 * Of one task there may be several: one that counts, and older ones that are not gone yet.
 */
import {
  type AttemptId,
  compareFences,
  type Fence,
  sameFence,
  taskKey,
} from '../../protocol/work/fence.ts'
import { type Held, isOver } from './held.ts'
import { deskLimits } from './limits.ts'

export class Register {
  readonly #tasks = new Map<string, Held[]>()
  /** The highest fence of each task that was forgotten, the longest forgotten first. */
  readonly #gone = new Map<string, Fence>()
  #count = 0

  get count(): number {
    return this.#count
  }

  find(id: AttemptId, fence: Fence): Held | undefined {
    return this.#tasks
      .get(taskKey(id))
      ?.find((held) => held.id.attempt === id.attempt && sameFence(held.fence, fence))
  }

  /** A higher one, or this very one when it was there before, is known of the task. */
  isPast(task: string, fence: Fence): boolean {
    const gone = this.#gone.get(task)
    if (gone && compareFences(fence, gone) <= 0) return true
    return this.#tasks.get(task)?.some((held) => compareFences(fence, held.fence) <= 0) ?? false
  }

  /** Those of the task that may still be at work. */
  atWork(task: string): Held[] {
    return this.#tasks.get(task)?.filter((held) => !isOver(held)) ?? []
  }

  add(held: Held): void {
    const others = this.#tasks.get(held.task)
    if (others) others.push(held)
    else this.#tasks.set(held.task, [held])
    this.#count++
  }

  forget(held: Held): void {
    const left = this.#tasks.get(held.task)?.filter((other) => other !== held) ?? []
    if (left.length > 0) this.#tasks.set(held.task, left)
    else this.#tasks.delete(held.task)
    this.#count--
    this.pass(held.task, held.fence)
  }

  /** From now on this fence of the task, and every lower one, is past. */
  pass(task: string, fence: Fence): void {
    const known = this.#gone.get(task)
    this.#gone.delete(task)
    this.#gone.set(task, known && compareFences(known, fence) > 0 ? known : fence)
    if (this.#gone.size > deskLimits.goneMax) {
      this.#gone.delete(this.#gone.keys().next().value as string)
    }
  }

  *all(): IterableIterator<Held> {
    for (const several of this.#tasks.values()) yield* several
  }
}
