/**
 * How likely an attempt succeeds: what became of those before it, the latest counting most, and of
 * few of its own kind also what became of similar ones. Each attempt is judged by what was said of it
 * before it ended; what comes of that makes chances that hold (`Isotonic`), and is believed only where
 * it was nearer on attempts that it was not made of.
 */
import { Isotonic } from '../calibration/isotonic.ts'
import { brier, type Chance } from '../measures/chance.ts'
import { levelsOf } from '../profiles/levels.ts'
import { successLimits } from './limits.ts'

export interface Attempt {
  readonly group: string
  readonly task: string
  readonly ended: 'succeeded' | 'failed'
}

export interface ToldChance {
  readonly share: number
  /** Of the newest (`successLimits.lately`). */
  readonly lately: { readonly succeeded: number; readonly tried: number }
}

interface Tally {
  /** Of this kind and of what is like it, the likest first. */
  readonly keys: readonly string[]
  goodEver: number
  triedEver: number
  /** Older ones count less and less. */
  good: number
  tried: number
  lately: boolean[]
}

export class Chances {
  /** Those first that were learned of longest ago. */
  readonly #tallies = new Map<string, Tally>()
  #good = 0
  #tried = 0
  /** What was said of the newest attempts before they ended. */
  #judged: Chance[] = []
  #sinceFit = 0
  #isotonic: Isotonic | undefined
  /** Of late, and without making them hold. */
  #lastingLoss = 0
  #changingLoss = 0

  /** Kinds of which something is kept. */
  get size(): number {
    return this.#tallies.size
  }

  learn(attempt: Attempt): void {
    this.recall(attempt)
    if (this.#sinceFit >= successLimits.fitEvery) this.fit()
  }

  /** Of many that ended long ago, one after the other: after all of them it is fitted once. */
  recall({ group, task, ended }: Attempt): void {
    const keys = levelsOf(group, task).map(({ key }) => key)
    const succeeded = ended === 'succeeded'
    if (this.#hasGround(keys)) this.#judge(keys, succeeded)
    for (const [i, key] of keys.entries()) this.#count(key, keys.slice(i), succeeded)
    this.#good += Number(succeeded)
    this.#tried++
    for (const key of this.#tallies.keys()) {
      if (this.#tallies.size <= successLimits.keysMax) break
      this.#tallies.delete(key)
    }
  }

  /** Makes chances hold, by all that was judged. */
  fit(): void {
    this.#sinceFit = 0
    this.#isotonic = bestOf(this.#judged)
  }

  /** Nothing that is under this key is remembered any more. */
  forget(key: string): void {
    this.#tallies.delete(key)
  }

  /** Of what is under this key; undefined of what nobody has done. */
  told(key: string): ToldChance | undefined {
    const tally = this.#tallies.get(key)
    if (tally === undefined) return undefined
    const raw = this.#raw(tally.keys)
    return {
      share: this.#isotonic?.of(raw) ?? raw,
      lately: {
        succeeded: tally.lately.filter((each) => each).length,
        tried: tally.lately.length,
      },
    }
  }

  /** Before and after it was made to hold; undefined where there is no ground. */
  said(group: string, task: string): { readonly raw: number; readonly held: number } | undefined {
    const keys = levelsOf(group, task).map(({ key }) => key)
    if (!this.#hasGround(keys)) return undefined
    const raw = this.#raw(keys)
    return { raw, held: this.#isotonic?.of(raw) ?? raw }
  }

  #hasGround(keys: readonly string[]): boolean {
    return keys.some(
      (key) => (this.#tallies.get(key)?.lately.length ?? 0) >= successLimits.groundMin,
    )
  }

  /** The nearer of the two of late. */
  #raw(keys: readonly string[]): number {
    const { lasting, changing } = this.#raws(keys)
    return this.#changingIsNearer ? changing : lasting
  }

  get #changingIsNearer(): boolean {
    return this.#changingLoss < this.#lastingLoss
  }

  /**
   * From what is least like it to what is likest, each weighing as much as it has seen: `lasting` by
   * all that was seen; `changing` by the latest more, and half of it by the newest few alone, for
   * what breaks, breaks at once.
   */
  #raws(keys: readonly string[]): { readonly lasting: number; readonly changing: number } {
    const { doubt } = successLimits
    let lasting = (this.#good + 1) / (this.#tried + 2)
    let changing = lasting
    for (const key of keys.toReversed()) {
      const tally = this.#tallies.get(key)
      if (tally === undefined) continue
      lasting = (tally.goodEver + doubt * lasting) / (tally.triedEver + doubt)
      changing = (tally.good + doubt * changing) / (tally.tried + doubt)
    }
    const { lately } = this.#tallies.get(keys[0] ?? '') ?? { lately: [] }
    const good = lately.reduce((sum, each) => sum + Number(each), 0)
    const now = (good + doubt * changing) / (lately.length + doubt)
    return { lasting, changing: (changing + now) / 2 }
  }

  #count(key: string, keys: readonly string[], succeeded: boolean): void {
    const tally = this.#tallies.get(key) ?? {
      ...{ keys, goodEver: 0, triedEver: 0, good: 0, tried: 0 },
      lately: [],
    }
    this.#tallies.delete(key)
    this.#tallies.set(key, tally)
    tally.goodEver += Number(succeeded)
    tally.triedEver++
    tally.good = tally.good * successLimits.keep + Number(succeeded)
    tally.tried = tally.tried * successLimits.keep + 1
    tally.lately.push(succeeded)
    if (tally.lately.length > successLimits.lately) tally.lately.shift()
  }

  #judge(keys: readonly string[], happened: boolean): void {
    const { lasting, changing } = this.#raws(keys)
    this.#judged.push({ said: this.#changingIsNearer ? changing : lasting, happened })
    const lossOf = (said: number) => (said - Number(happened)) ** 2
    this.#lastingLoss = this.#lastingLoss * successLimits.keepLoss + lossOf(lasting)
    this.#changingLoss = this.#changingLoss * successLimits.keepLoss + lossOf(changing)
    if (this.#judged.length > successLimits.judgedMax) {
      this.#judged = this.#judged.slice(-successLimits.judgedMax / 2)
    }
    this.#sinceFit++
  }
}

/** Made of the older part, and believed where it is nearer than what was said on the newer one. */
function bestOf(judged: readonly Chance[]): Isotonic | undefined {
  const failed = judged.filter(({ happened }) => !happened).length
  const fewest = Math.min(failed, judged.length - failed)
  if (fewest < successLimits.eachMin) return undefined
  const cut = Math.floor(judged.length * successLimits.madeOf)
  const older = new Isotonic(judged.slice(0, cut))
  const newer = judged.slice(cut)
  const held = newer.map(({ said, happened }) => ({ said: older.of(said), happened }))
  const isNearer = (brier(held) ?? 1) < (brier(newer) ?? 0)
  return isNearer ? new Isotonic(judged) : undefined
}
