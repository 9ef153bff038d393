/**
 * Lets go of what runs have pinned here that are archived. The ledger is asked about each of them
 * from time to time, which costs little as long as they are there. Only a quorum's word that a run is
 * gone counts: this host's copy of the ledger may be behind, and not know of it yet.
 */
import type { Ledger } from '../../protocol/ledger/ledger.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { releaseLimits as limits } from './limits.ts'
import type { ArtifactStore } from './store.ts'

export interface ReleasingPorts {
  clock: Clock
  log: Log
}

type Pins = Pick<ArtifactStore, 'pinnedRuns' | 'unpin'>

export class Releasing {
  readonly #clock: Clock
  readonly #log: Log
  readonly #store: Pins
  readonly #ledger: Pick<Ledger, 'read'>
  #over = false
  #timer: Timer | undefined
  #looking: Promise<void> | undefined

  constructor({ clock, log }: ReleasingPorts, store: Pins, ledger: Pick<Ledger, 'read'>) {
    this.#clock = clock
    this.#log = log.child('artifacts')
    this.#store = store
    this.#ledger = ledger
  }

  start(): void {
    this.#over = false
    this.#timer = this.#clock.every(limits.lookMs, () => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
    })
  }

  async stop(): Promise<void> {
    this.#over = true
    this.#timer?.cancel()
    await this.#looking
  }

  async #look(): Promise<void> {
    let gone = 0
    for (const run of this.#store.pinnedRuns()) {
      const there = await this.#isThere(run)
      // Without a quorum, another time.
      if (this.#over || there === undefined) break
      if (!there && (await this.#letGo(run))) gone++
    }
    if (gone > 0) this.#log.info('artifacts of archived runs may be removed', { runs: gone })
  }

  async #isThere(run: string): Promise<boolean | undefined> {
    const query = { kind: 'runGet', run, limit: 1 } as const
    const { stepMs, timeoutMs } = limits
    const own = await this.#ledger.read(query, { consistency: 'local', timeoutMs })
    if (own.kind === 'read' && own.value !== undefined) {
      await new Promise<void>((resolve) => this.#clock.after(stepMs, resolve))
      return true
    }
    const sure = await this.#ledger.read(query, { consistency: 'linearizable', timeoutMs })
    return sure.kind === 'read' ? sure.value !== undefined : undefined
  }

  async #letGo(run: string): Promise<boolean> {
    try {
      await this.#store.unpin(run)
      return true
    } catch (error) {
      // On the disk it stays pinned: the agent's next life finds it again.
      this.#log.warn('artifacts of an archived run stay pinned', { run, why: String(error) })
      return false
    }
  }
}
