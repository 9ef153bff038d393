/**
 * Everybody in a control group, who is being killed. The kernel may take a while to take the word for
 * the group (see `group-words.ts`); until then whoever is seen in it is killed again and again, so
 * that those who have children at that moment win nothing by it but that moment.
 *
 * Invariant: nobody who enters the group afterwards is killed or waited for.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { cellLimits } from '../limits.ts'
import type { ControlGroup } from './control-group.ts'

export class Condemned {
  readonly #group: ControlGroup
  readonly #members = new Set<number>()
  #isTaken = false

  /** Killed from here on. */
  constructor(group: ControlGroup) {
    this.#group = group
    const seen = group.kill(() => {
      // Whoever enters does so by a later word.
      this.#note(group.members())
      this.#isTaken = true
    })
    this.#note(seen)
  }

  /** Resolves when all of them are gone; others may have come by then. */
  async gone(): Promise<void> {
    while (!this.#areGone()) await wait(cellLimits.killAgainMs)
  }

  #areGone(): boolean {
    if (this.#group.empty()) return true
    if (this.#isTaken) return !this.#group.members().some((pid) => this.#members.has(pid))
    this.#note(this.#group.killMembers())
    return false
  }

  #note(pids: readonly number[]): void {
    for (const pid of pids) this.#members.add(pid)
  }
}
