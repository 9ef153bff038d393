/**
 * What is said to the kernel of control groups, by another thread and one word after the other.
 *
 * To freeze or to kill a group, or to put a process into one, the kernel takes a lock that all groups
 * of the host share; and whoever moves a process anywhere holds that until everybody who is forking
 * just then has done so, however small their share of the cores. Said by the agent's own thread, a
 * word held the agent up for as long: seen, while forty starved shells forked and somebody moved a
 * process, up to 3.5 s, in which it heard no stop and killed nobody.
 *
 * Invariant: words are taken in the order in which they were said, so that whoever enters a group
 * after it was to be killed, or to go on, is neither killed nor held still.
 */
import { closeSync, openSync, write } from 'node:fs'

interface Word {
  readonly file: string
  readonly text: string
  taken(refused: unknown): void
}

export class GroupWords {
  readonly #waiting: Word[] = []
  #isSaying = false

  /**
   * Begun before it returns, where nothing is being said. `taken` is called before the next word is
   * begun, with an error where the group is gone, or this host does not let us.
   */
  say(file: string, text: string, taken: Word['taken'] = () => {}): void {
    this.#waiting.push({ file, text, taken })
    if (!this.#isSaying) this.#next()
  }

  /** The same. Resolves with the error, if there was one. */
  said(file: string, text: string): Promise<unknown> {
    return new Promise((resolve) => this.say(file, text, resolve))
  }

  #next(): void {
    const word = this.#waiting.shift()
    this.#isSaying = word !== undefined
    if (word === undefined) return
    const over = (refused: unknown): void => {
      word.taken(refused)
      this.#next()
    }
    try {
      const file = openSync(word.file, 'w')
      write(file, word.text, (error) => {
        closeSync(file)
        over(error ?? undefined)
      })
    } catch (error) {
      over(error)
    }
  }
}

/** All groups of the host share one lock: to wait for it in more than one thread is of no use. */
export const groupWords = new GroupWords()
