/**
 * The versions that this host has at hand, as it would speak by them: how they are come by, where that
 * fails when they are tried again, and that each knows what has ended here before it says anything.
 */
import { historyKey } from '../../models/profiles/levels.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { latestSucceeded } from './described.ts'
import type { OwnRow } from './lesson.ts'
import { adviceLimits } from './limits.ts'
import type { ModelStore } from './models.ts'
import type { Oracle } from './oracle.ts'
import { Speaker } from './speaker.ts'

export interface SpeakersParts {
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  readonly models: Pick<ModelStore, 'fetch'>
  readonly self: PeerId
  /** Hosts that are alive, this one included. */
  readonly alive: () => readonly PeerId[]
  /** Of this host's own history. */
  readonly rows: () => AsyncIterable<OwnRow>
}

export class Speakers {
  readonly #parts: SpeakersParts
  readonly #log: Log
  readonly #oracle: Oracle
  readonly #held = new Map<string, Speaker>()
  /** Versions that could not be come by: when they are tried again, and how long is waited then. */
  readonly #again = new Map<string, { readonly atMs: number; readonly waitMs: number }>()
  /** How often history was made to forget: what was read before is not learned after. */
  #purges = 0

  constructor(parts: SpeakersParts, oracle: Oracle) {
    this.#parts = parts
    this.#log = parts.log.child('learning')
    this.#oracle = oracle
  }

  get purges(): number {
    return this.#purges
  }

  get size(): number {
    return this.#held.size
  }

  get all(): readonly Speaker[] {
    return [...this.#held.values()]
  }

  get(hash: string): Speaker | undefined {
    return this.#held.get(hash)
  }

  keepOnly(listened: readonly string[]): void {
    for (const hash of this.#held.keys()) {
      if (!listened.includes(hash)) this.#held.delete(hash)
    }
    for (const hash of this.#again.keys()) {
      if (!listened.includes(hash)) this.#again.delete(hash)
    }
  }

  /** Of those, the ones to come by now. */
  missing(listened: readonly string[]): string[] {
    const nowMs = this.#parts.clock.now()
    return listened.filter(
      (hash) => !this.#held.has(hash) && (this.#again.get(hash)?.atMs ?? 0) <= nowMs,
    )
  }

  /** What was learned of attempts that are forgotten is forgotten, too. */
  forget(): void {
    this.#purges++
    for (const speaker of this.#held.values()) speaker.forget()
  }

  async warmAll(): Promise<void> {
    for (const speaker of this.#held.values()) await this.#warm(speaker)
  }

  /**
   * For this host to begin to come by a version: all hosts hear of it at once, and those that share cores,
   * or ask one host for it, are to do so one after the other.
   */
  get waitMs(): number {
    const { alive, self } = this.#parts
    const { comeEveryMs, lookMs } = adviceLimits
    const before = alive().filter((id) => id < self).length
    return (before * comeEveryMs) % lookMs
  }

  /** From this disk or from whoever has it; warm. Rejects where models do not run. */
  async come(hash: string): Promise<void> {
    const { models, alive, self, clock } = this.#parts
    const { refetchMs, refetchMsMax } = adviceLimits
    const waitMs = Math.min(refetchMsMax, 2 * (this.#again.get(hash)?.waitMs ?? refetchMs / 2))
    // Whatever goes wrong: where models do not run, nothing is read and begun again at each look.
    const later = () => this.#again.set(hash, { atMs: clock.now() + waitMs, waitMs })
    later()
    const others = alive().filter((id) => id !== self)
    const fetched = await models.fetch(hash, others)
    if (!fetched.ok) {
      const { why } = fetched
      this.#log.warn('a version of the common model is not to be had', { version: hash, why })
      later()
      return
    }
    const speaker = new Speaker(hash, fetched.learned)
    try {
      await this.#warm(speaker)
    } catch (error) {
      later()
      throw error
    }
    this.#again.delete(hash)
    this.#held.set(hash, speaker)
  }

  /** From what has ended here already. */
  async #warm(speaker: Speaker): Promise<void> {
    const { ownRowsMax } = adviceLimits
    const { purges } = this
    const rows = await latestSucceeded(this.#parts.rows(), ownRowsMax)
    const features = await this.#oracle.described(rows)
    const told = await this.#oracle.told(speaker.learned, features)
    if (purges !== this.#purges) return
    speaker.tell(rows, told)
    this.sized(rows)
  }

  /** Sizes of inputs as they were with these attempts. */
  sized(rows: readonly OwnRow[]): void {
    for (const row of rows) {
      if (!this.#oracle.sized(row)) continue
      const key = historyKey(row.group, row.task)
      for (const speaker of this.#held.values()) speaker.outdated(key)
    }
  }
}
