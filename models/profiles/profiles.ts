/**
 * What attempts of each kind were like, from the attempts themselves: kept up to date with each, so
 * that a question costs no look at all of them.
 *
 * Invariant: under each key are the newest of those attempts that are remembered at all.
 */
import type { Predictor, Question, Range, Row } from '../rows.ts'
import { historyKey, levelsOf } from './levels.ts'
import { profileLimits } from './limits.ts'
import { rangeOf } from './quantiles.ts'

/** An attempt as far as it is remembered; `id` grows with their ends. */
export interface Past {
  readonly id: number
  readonly group: string
  readonly task: string
  readonly endedMs: number
  readonly tookMs: number
  readonly ended: Row['ended']
  readonly peakMemoryBytes?: number
}

/** What is told of attempts under one key. Of those that failed, no time is told: it says nothing. */
export interface Told {
  /** Who says it. Absent where several speak together, or a host of itself. */
  readonly host?: string
  readonly succeeded: number
  readonly tried: number
  /** Of those that succeeded. */
  readonly tookMs?: Range
  readonly peakMemoryBytes?: Range
  /** How likely the next one succeeds, by more than the share of those that did (`models/success`). */
  readonly chance?: number
  /** Of the newest, where more were tried. */
  readonly lately?: Tries
  /** What a model says of such attempts, where the host believes that more than its history. */
  readonly advised?: Advised
}

export interface Tries {
  readonly succeeded: number
  readonly tried: number
}

export interface Advised extends Range {
  /** The version that says so. */
  readonly by: string
}

export interface Kind {
  readonly group: string
  readonly task: string
  readonly told: Told
  /** When the oldest of them ended. */
  readonly oldestMs: number
  /** When the newest of them ended. */
  readonly newestMs: number
}

/** What history alone says of some work. */
export interface Plain {
  /** Undefined where it has no ground. */
  readonly range: Range | undefined
  /** Whether its ground is attempts of the very same kind, and not what is only like it. */
  readonly isOfKind: boolean
}

export class Profiles implements Predictor {
  readonly #all = new Map<number, Past>()
  readonly #byKey = new Map<string, Profile>()
  readonly #max: number

  constructor(attemptsMax: number = profileLimits.attemptsMax) {
    this.#max = attemptsMax
  }

  get size(): number {
    return this.#all.size
  }

  /** Newer than all before. Gives back those that are forgotten for it. */
  add(past: Past): Past[] {
    const forgotten: Past[] = []
    this.#all.set(past.id, past)
    for (const { key, source } of levelsOf(past.group, past.task)) {
      let profile = this.#byKey.get(key)
      if (profile === undefined) {
        profile = new Profile()
        this.#byKey.set(key, profile)
      }
      const gone = profile.add(past)
      if (gone !== undefined && source === 'history') {
        this.#all.delete(gone.id)
        forgotten.push(gone)
      }
    }
    while (this.#all.size > this.#max) forgotten.push(this.#forgetOldest())
    return forgotten
  }

  told(key: string): Told | undefined {
    return this.#byKey.get(key)?.told()
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** Every kind that there is something of, those that ended last first. */
  kinds(): Kind[] {
    const seen = new Map<string, Kind & { newestMs: number }>()
    for (const { group, task, endedMs } of this.#all.values()) {
      const key = historyKey(group, task)
      const known = seen.get(key)
      if (known !== undefined) {
        known.newestMs = endedMs
        continue
      }
      const told = this.told(key)
      const times = { oldestMs: endedMs, newestMs: endedMs }
      if (told !== undefined) seen.set(key, { group, task, told, ...times })
    }
    return [...seen.values()].sort((a, b) => b.newestMs - a.newestMs)
  }

  past(): Iterable<Past> {
    return this.#all.values()
  }

  predict(questions: readonly Question[]): Promise<readonly (Range | undefined)[]> {
    return Promise.resolve(questions.map(({ group, task }) => this.range(group, task)))
  }

  /** By the likest that there is ground for. */
  range(group: string, task: string): Range | undefined {
    for (const { key } of levelsOf(group, task)) {
      const range = this.told(key)?.tookMs
      if (range !== undefined && range.n >= profileLimits.groundMin) return range
    }
    return undefined
  }

  /** The same, and whether attempts of the very same kind are its ground. */
  plain(group: string, task: string): Plain {
    const n = this.told(historyKey(group, task))?.tookMs?.n ?? 0
    return { range: this.range(group, task), isOfKind: n >= profileLimits.groundMin }
  }

  #forgetOldest(): Past {
    const past = this.#all.values().next().value as Past
    const { id, group, task } = past
    this.#all.delete(id)
    for (const { key } of levelsOf(group, task)) {
      const profile = this.#byKey.get(key)
      profile?.forget(id)
      if (profile?.isEmpty === true) this.#byKey.delete(key)
    }
    return past
  }
}

/** The newest attempts under one key, oldest first, and what is to be said of them. */
class Profile {
  readonly #past: Past[] = []
  #told: Told | undefined

  get isEmpty(): boolean {
    return this.#past.length === 0
  }

  add(past: Past): Past | undefined {
    this.#told = undefined
    this.#past.push(past)
    return this.#past.length > profileLimits.attemptsPerKind ? this.#past.shift() : undefined
  }

  /** Of all that are remembered it is the oldest: it is the first here, or not here any more. */
  forget(id: number): void {
    if (this.#past[0]?.id !== id) return
    this.#told = undefined
    this.#past.shift()
  }

  told(): Told | undefined {
    if (this.isEmpty) return undefined
    this.#told ??= toldOf(this.#past)
    return this.#told
  }
}

function toldOf(past: readonly Past[]): Told {
  const good = past.filter(({ ended }) => ended === 'succeeded')
  const tookMs = rangeOf(good.map((each) => each.tookMs))
  const peaks = past.flatMap(({ peakMemoryBytes }) => peakMemoryBytes ?? [])
  const peakMemoryBytes = rangeOf(peaks)
  return {
    succeeded: good.length,
    tried: past.length,
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  }
}
