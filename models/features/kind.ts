/** Attempts of one kind, and how well what was said of them by each way of guessing has held. */
import { guessNames } from './guesses.ts'
import { Memory } from './memory.ts'
import { Track } from './track.ts'

/** So that what was a hundred attempts ago is nearly forgotten. */
const KEEP = 0.98
/** What is recent: ten attempts. */
const KEEP_RECENT = 0.9

export class Kind {
  readonly memory = new Memory()
  /** Of the middle of these attempts, as the guess for the next. */
  readonly middle = new Track(KEEP)
  /** Of what was said in the end. */
  readonly said = new Track(KEEP)
  readonly recently = new Track(KEEP_RECENT)
  readonly guesses: readonly Track[] = guessNames.map(() => new Track(KEEP))
}
