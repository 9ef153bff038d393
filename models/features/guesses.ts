/**
 * Ways to guess a time from what is kept in mind of the task itself, and of what is most like it.
 * None is best for all tasks: which has held is told apart by `experience.ts`. In natural logarithms
 * of milliseconds.
 */
import type { Memory } from './memory.ts'
import type { Repeated } from './repeated.ts'

export const guessNames = [
  'middle',
  'recent',
  'last',
  'line',
  'near',
  'likeMiddle',
  'likeRecent',
  'likeLine',
  'likeNear',
  'group',
  'same',
] as const
export type GuessName = (typeof guessNames)[number]

/** What was seen of each; undefined what never was. */
export interface Known {
  readonly own: Memory | undefined
  readonly like: Memory | undefined
  readonly group: Memory | undefined
  /** On the very same inputs. */
  readonly same: Repeated | undefined
}

/** What cannot be guessed is NaN. */
export function guessesOf(known: Known, bytes: number, files: number): Float64Array {
  const { own, like, group, same } = known
  const guesses = new Float64Array(guessNames.length).fill(Number.NaN)
  if (own) {
    guesses[0] = own.at(0.5)
    guesses[1] = own.recent
    guesses[2] = own.last
    guesses[3] = own.alongLine(bytes)
    guesses[4] = own.near(bytes, files)
  }
  if (like) {
    guesses[5] = like.at(0.5)
    guesses[6] = like.recent
    guesses[7] = like.alongLine(bytes)
    guesses[8] = like.near(bytes, files)
  }
  if (group) guesses[9] = group.at(0.5)
  if (same) guesses[10] = same.middle
  return guesses
}
