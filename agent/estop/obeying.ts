/**
 * What a word that is believed does to the work of this host: what it means is held still at once,
 * the word is written down, what it means is killed and seen to be gone.
 *
 * Invariant: what is in force is on the disk before anything is killed, where the disk takes it soon.
 */
import type { Obeyed } from '../../protocol/estop/core.ts'
import { isInScope } from '../../protocol/estop/scope.ts'
import { stopText } from '../../protocol/estop/text.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { estopDriverLimits as limits } from './limits.ts'
import { LatchStore } from './store.ts'

/** A scope, as it is to be kept. */
interface KeptRecord {
  scope: string
  record: Uint8Array
}

export interface Work {
  labels(): Readonly<Record<string, string>>
  /** Ends what is meant here, and says how many were killed when nothing of them is left. */
  halt(isMeant: (run: string) => boolean, reason: string, mode: 'kill' | 'drain'): Promise<number>
  /** Holds still all that runs here, until what is returned is called. */
  still(): () => void
}

export interface ObeyingEvents {
  /** As that scope is to be kept now. */
  recordOf(scope: string): Uint8Array | undefined
  /** It is on the disk, or that is not waited for any longer: its killing begins in the same turn. */
  latched(word: Obeyed): void
  /** Nothing of what it means is left here. */
  done(word: Obeyed, killed: number): void
}

export class Obeying {
  readonly #clock: Clock
  readonly #log: Log
  readonly #store: LatchStore
  readonly #work: Work
  readonly #events: ObeyingEvents
  /** One after the other, in the order in which they were heard. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(
    { clock, disk, log }: { clock: Clock; disk: Disk; log: Log },
    work: Work,
    events: ObeyingEvents,
  ) {
    this.#clock = clock
    this.#log = log
    this.#store = new LatchStore(disk, log)
    this.#work = work
    this.#events = events
  }

  load(): Promise<Uint8Array[]> {
    return this.#store.load()
  }

  /**
   * The first that is done about words: what is to die takes no cores from whoever passes them on
   * and writes them down, and starts nothing meanwhile. Until what is returned is called.
   */
  still(words: readonly Obeyed[]): () => void {
    return words.some((word) => this.#killsAll(word)) ? this.#work.still() : () => {}
  }

  /** Resolves when what they mean is being killed, or, where nothing is to be, is done. */
  async keepAndObey(records: readonly KeptRecord[], words: readonly Obeyed[]): Promise<void> {
    const kept = this.#store.keep(records)
    void kept.then((isKept) => {
      if (!isKept) this.#keepAgain(records.map(({ scope }) => scope))
    })
    // On the disk or not, it is obeyed: a disk that is full, or hangs, keeps nothing running.
    const written = Promise.all([this.#patiently(kept), this.#writing])
    this.#writing = written
    await written
    for (const word of words) {
      this.#events.latched(word)
      this.obey(word)
    }
  }

  obey(word: Obeyed): void {
    const { id, saying } = word
    if (saying.act === 'release') return this.#events.done(word, 0)
    const { scope } = saying
    const isMeant = (run: string): boolean => isInScope(scope, { labels: this.#work.labels(), run })
    this.#work.halt(isMeant, stopText(saying), saying.mode).then(
      (killed) => this.#events.done(word, killed),
      (error: unknown) => this.#log.error('not stopped', { word: id, why: String(error) }),
    )
  }

  #killsAll({ saying }: Obeyed): boolean {
    if (saying.act === 'release' || saying.mode !== 'kill' || saying.scope.kind === 'run')
      return false
    return isInScope(saying.scope, { labels: this.#work.labels() })
  }

  #patiently(kept: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(limits.latchWaitMsMax, () => {
        this.#log.error('the emergency stop is not written down yet, and obeyed all the same')
        resolve()
      })
      void kept.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #keepAgain(scopes: readonly string[]): void {
    this.#clock.after(limits.writeAgainMs, () => {
      const records = scopes.flatMap((scope) => {
        const record = this.#events.recordOf(scope)
        return record === undefined ? [] : [{ scope, record }]
      })
      void this.#store.keep(records).then((isKept) => {
        if (!isKept) this.#keepAgain(scopes)
      })
    })
  }
}
