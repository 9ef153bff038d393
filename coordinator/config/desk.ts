/**
 * What a host does with the mesh's configuration: it hears of a new version as its copy of the ledger
 * moves on, obeys what can be obeyed at once, and keeps it on disk for its next start. Only then it says
 * that the version is in force.
 *
 * Invariant: versions are taken in their order. One that is older than what was taken, as a ledger that
 * was recovered can have it, or a copy that is still catching up, is taken only when whoever leads says
 * that it holds.
 */
import type { Agent } from '../../agent/agent.ts'
import type { KeyStanding, LiveConfig, Tuners } from '../../agent/config/live.ts'
import { type Left, noMeshValues } from '../../agent/config/mesh.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import type { Log } from '../../protocol/ports/log.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { freshState } from '../runs/fresh.ts'
import { keepVersion } from './kept.ts'
import { configLimits } from './limits.ts'
import { currentIn, encodeVersion, type Version } from './rows.ts'

export interface ConfigStanding {
  /** Of the version that was taken last; 0: none was. */
  readonly version: number
  readonly keys: readonly KeyStanding[]
  readonly left: readonly Left[]
  /** Why the newest version is not on disk, and so not for the next start. */
  readonly unkept: string | undefined
}

export class ConfigDesk {
  readonly #agent: Agent
  readonly #log: Log
  readonly #live: LiveConfig
  readonly #tuners: Tuners
  /** Obeyed. */
  #taken: Version | undefined
  /** Obeyed, and on disk. */
  #keptNumber: number
  #unkept: string | undefined
  #keeping: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #ending = new AbortController()
  #confirming = false
  readonly #waiting = new Set<() => void>()

  /** `kept`: what this host has started with. */
  constructor(agent: Agent, live: LiveConfig, tuners: Tuners, kept: Version | undefined) {
    this.#agent = agent
    this.#log = agent.ports.log.child('config')
    this.#live = live
    this.#tuners = tuners
    this.#taken = kept
    this.#keptNumber = kept?.number ?? 0
  }

  module(): ModuleSpec {
    return {
      name: 'config',
      priority: 6,
      needs: ['ledger'],
      start: () => {
        this.#ending = new AbortController()
        this.#agent.onHeeded = () => this.#look()
        this.#timer = this.#agent.ports.clock.every(configLimits.lookMs, () => this.#look())
        this.#look()
      },
      stop: async () => {
        this.#ending.abort()
        this.#agent.onHeeded = () => {}
        this.#timer?.cancel()
        await this.#keeping
      },
    }
  }

  standing(): ConfigStanding {
    const { left } = this.#live
    const keys = this.#live.standing()
    return { version: this.#keptNumber, keys, left, unkept: this.#unkept }
  }

  /** Resolves when that version is in force here and kept, or after so long. */
  async reached(number: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#keptNumber >= number || signal.aborted) return
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.cancel()
        this.#waiting.delete(look)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const look = () => {
        if (this.#keptNumber >= number) done()
      }
      const timer = this.#agent.ports.clock.after(waitMs, done)
      this.#waiting.add(look)
      signal.addEventListener('abort', done)
    })
  }

  #look(): void {
    const held = currentIn(this.#agent.ledger.state)?.version
    if (isSame(held, this.#taken)) return
    if (held !== undefined && held.number > (this.#taken?.number ?? 0)) this.#take(held)
    else void this.#confirm()
  }

  /** It differs, and is no newer: whoever leads knows what holds. */
  async #confirm(): Promise<void> {
    if (this.#confirming) return
    this.#confirming = true
    const { signal } = this.#ending
    const { state, fresh } = await freshState(this.#agent, signal, configLimits.confirmMs)
    this.#confirming = false
    if (!fresh || signal.aborted) return
    const held = currentIn(state)?.version
    if (!isSame(held, this.#taken)) this.#take(held)
  }

  #take(version: Version | undefined): void {
    this.#taken = version
    this.#live.take(version ?? noMeshValues, this.#tuners)
    const number = version?.number ?? 0
    const waiting = this.#live.standing().filter(({ next }) => next !== undefined)
    this.#log.info('the configuration of the mesh was taken', {
      version: number,
      by: version?.by ?? '',
      atNextStart: waiting.map(({ key }) => key).join(' '),
    })
    for (const { key, why } of this.#live.left) {
      this.#log.warn('a value of the mesh is not taken here', { key, why })
    }
    this.#keeping = this.#keeping.then(() => this.#keep(version))
  }

  async #keep(version: Version | undefined): Promise<void> {
    try {
      await keepVersion(this.#agent.ports.disk, version)
      this.#unkept = undefined
      this.#keptNumber = version?.number ?? 0
      for (const look of [...this.#waiting]) look()
    } catch (error) {
      this.#unkept = messageOf(error)
      this.#log.warn('the configuration of the mesh is not kept', { why: this.#unkept })
    }
  }
}

function isSame(a: Version | undefined, b: Version | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(encodeVersion(a), encodeVersion(b)) === 0
}
