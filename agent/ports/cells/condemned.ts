/**
 * Everybody in a control group, who is being killed. By its one word the kernel kills them all before
 * anybody else has a turn, which one by one would take as many turns as there are. But it may take a
 * while to take the word (see `group-words.ts`): where it has not within a moment, whoever is seen in
 * the group is killed one by one, again and again until it has.
 *
 * Invariant: nobody who enters the group afterwards is killed or waited for.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { cellLimits } from '../limits.ts'
import type { ControlGroup } from './control-group.ts'

export class Condemned {
  readonly #group: ControlGroup
  readonly #members = new Set<number>()
  readonly #killed: (pids: readonly number[]) => void
  #isTaken = false
  #isToldAgain = false

  /** Killed from here on; `killed` is told who, and once again who is left of them soon after. */
  constructor(group: ControlGroup, killed: (pids: readonly number[]) => void = () => {}) {
    this.#group = group
    this.#killed = killed
    group.kill(() => {
      // Whoever enters does so by a later word.
      this.#note(group.members())
      this.#isTaken = true
    })
  }

  /** Resolves when all of them are gone; others may have come by then. */
  async gone(): Promise<void> {
    do await wait(cellLimits.killAgainMs)
    while (!this.#areGone())
  }

  #areGone(): boolean {
    if (this.#group.empty()) return true
    if (this.#isTaken) {
      const left = this.#group.members().filter((pid) => this.#members.has(pid))
      if (!this.#isToldAgain) this.#killed(left)
      this.#isToldAgain = true
      return left.length === 0
    }
    this.#note(this.#group.killMembers())
    return false
  }

  #note(pids: readonly number[]): void {
    this.#killed(pids.filter((pid) => !this.#members.has(pid)))
    for (const pid of pids) this.#members.add(pid)
  }
}
