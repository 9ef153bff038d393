/**
 * All that is kept in mind of attempts that have ended: of tasks, of words that tasks share, of
 * applications and hosts. Asked of an attempt that has not begun, it says what it would guess, and
 * from what; told how it ended, it knows better which guesses to trust. Whoever was asked before
 * they ended is never shown anything of their ends.
 */
import { logOf } from '../measures/duration.ts'
import type { Question, Row } from '../rows.ts'
import { guessesOf, guessNames } from './guesses.ts'
import { Kind } from './kind.ts'
import { featureLimits as limits } from './limits.ts'
import { inputsKey, Repeated } from './repeated.ts'
import { Track } from './track.ts'
import { wordsOf } from './words.ts'

export interface View {
  readonly question: Question
  /** Natural logarithms, of what is not known 0. */
  readonly bytes: number
  readonly files: number
  readonly own: Kind | undefined
  /** What is most like it: of its words, and itself, whose middle has been the best guess. */
  readonly like: Kind | undefined
  readonly group: Kind | undefined
  readonly all: Kind
  /** The task itself, on the very same inputs. */
  readonly same: Repeated | undefined
  /** How long it takes, by all guesses together; undefined where nothing is like it. */
  readonly guess: number
  readonly hasGround: boolean
  readonly guesses: Float64Array
  /** How far each of them is off, of late, as it seems. */
  readonly away: Float64Array
}

/** Attempts of an application, or that share a word, before they are ground to say anything. */
export const GROUND_MIN = 5
/** A guess that nobody has tried is thought to be off by this. */
export const AWAY_UNKNOWN = 1.5
/** What is not known counts as much as so many attempts. */
export const DOUBT = 4
/** How much more the better guess counts: at 6, one that is half as far off counts 64 times. */
const SHARPNESS = 6
const AWAY_MIN = 0.01
const KEEP_HOST = 0.98

export class Experience {
  readonly #kinds = new Map<string, Kind>()
  readonly #hosts = new Map<string, Track>()
  readonly #repeated = new Map<string, Repeated>()
  readonly #all = new Kind()
  readonly #words = new Map<string, readonly string[]>()

  consider(question: Question): View {
    const { task, group: application, inputBytes = 0, inputFiles = 0 } = question
    const bytes = Math.log1p(inputBytes)
    const files = Math.log1p(inputFiles)
    const own = this.#kinds.get(ownKey(task))
    const group = this.#kinds.get(groupKey(application))
    const like = this.#likest(task, own)
    const inputs = inputsKey(question)
    const same = inputs === undefined ? undefined : this.#repeated.get(inputs)
    const [ofOwn, ofLike, ofGroup] = [own?.memory, like?.memory, group?.memory]
    const guesses = guessesOf({ own: ofOwn, like: ofLike, group: ofGroup, same }, bytes, files)
    const away = new Float64Array(guessNames.length)
    let [sum, weights] = [0, 0]
    for (let i = 0; i < guessNames.length; i++) {
      away[i] = this.#awayOf(i, own, group)
      if (Number.isNaN(guesses[i])) continue
      const weight = Math.max(AWAY_MIN, away[i] as number) ** -SHARPNESS
      sum += weight * (guesses[i] as number)
      weights += weight
    }
    const all = this.#all
    const guess = weights > 0 ? sum / weights : all.memory.count > 0 ? all.memory.at(0.5) : 0
    const hasGround = (own ?? like) !== undefined || (group?.memory.count ?? 0) >= GROUND_MIN
    const kinds = { own, like, group, all, same }
    return { question, bytes, files, ...kinds, guess, hasGround, guesses, away }
  }

  /** `view`: what was thought of it before it began. */
  tell(row: Row, view: View = this.consider(row)): void {
    const time = logOf(row.endedMs - row.startedMs)
    const own = this.#kind(ownKey(row.task))
    const group = this.#kind(groupKey(row.group))
    const words = this.#wordsOf(row.task).map((word) => this.#kind(wordKey(word)))
    const off = time - view.guess
    for (const kind of new Set([own, group, ...words, this.#all])) {
      if (kind.memory.count > 0) kind.middle.add(time - kind.memory.at(0.5))
      if (view.hasGround) {
        kind.said.add(off)
        kind.recently.add(off)
      }
      kind.memory.add({ time, bytes: view.bytes, files: view.files })
    }
    for (const [i, guess] of view.guesses.entries()) {
      if (Number.isNaN(guess)) continue
      for (const kind of [own, group, this.#all]) (kind.guesses[i] as Track).add(time - guess)
    }
    if (view.hasGround) for (const key of hostKeys(row)) this.#host(key).add(off)
    const inputs = inputsKey(row)
    if (inputs !== undefined) latest(this.#repeated, inputs, () => new Repeated()).add(time)
  }

  /** How much longer than guessed it has taken, of late, on this host: of the task, and of all. */
  hostOff(question: Question): readonly [ofTask: number, ofAll: number] {
    const [ofTask, ofAll] = hostKeys(question).map((key) => this.#hosts.get(key)?.off(DOUBT) ?? 0)
    return [ofTask as number, ofAll as number]
  }

  #likest(task: string, own: Kind | undefined): Kind | undefined {
    let best = own
    let least = own ? own.middle.away(AWAY_UNKNOWN, DOUBT) : Infinity
    for (const word of this.#wordsOf(task)) {
      const kind = this.#kinds.get(wordKey(word))
      if (kind === undefined || kind.memory.count < GROUND_MIN) continue
      const away = kind.middle.away(AWAY_UNKNOWN, DOUBT)
      if (away < least) [best, least] = [kind, away]
    }
    return best
  }

  /** What is known of the task counts; where that is little, what is known of the application. */
  #awayOf(guess: number, own: Kind | undefined, group: Kind | undefined): number {
    const all = (this.#all.guesses[guess] as Track).away(AWAY_UNKNOWN, DOUBT)
    const ofGroup = (group?.guesses[guess] as Track | undefined)?.away(all, DOUBT) ?? all
    return (own?.guesses[guess] as Track | undefined)?.away(ofGroup, DOUBT) ?? ofGroup
  }

  #wordsOf(task: string): readonly string[] {
    const known = this.#words.get(task)
    if (known) return known
    const words = wordsOf(task)
    if (this.#words.size >= limits.kindsKept) this.#words.clear()
    this.#words.set(task, words)
    return words
  }

  #kind(key: string): Kind {
    return latest(this.#kinds, key, () => new Kind())
  }

  #host(key: string): Track {
    return latest(this.#hosts, key, () => new Track(KEEP_HOST))
  }
}

const ownKey = (task: string) => `t ${task}`
const wordKey = (word: string) => `w ${word}`
const groupKey = (group: string) => `g ${group}`
const hostKeys = ({ host, task }: Question) => [`${host} ${task}`, host]

/** Where there are too many, the one that was longest not seen goes. */
function latest<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  // While there is room for as many again, nobody asks who was seen last.
  if (known !== undefined && map.size < limits.kindsKept / 2) return known
  const value = known ?? make()
  map.delete(key)
  map.set(key, value)
  if (map.size > limits.kindsKept) map.delete(map.keys().next().value as string)
  return value
}
