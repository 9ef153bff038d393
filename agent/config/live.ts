/**
 * The configuration of an agent that runs: what is in force, what waits for its next start, and what
 * of the mesh's it does not take. What the host says itself is read once, when it starts; what is set
 * for the mesh may change at any time, and keys that are declared live are told to whom they concern.
 *
 * Invariant: `config` is what the agent goes by, never what it is only to go by.
 */

import { assert } from '../../protocol/assert.ts'
import { messageOf } from '../../protocol/thrown.ts'
import { type ConfigInput, type LoadedWell, loadConfig, nested } from './load.ts'
import { appliesOf, type Left, type MeshValues } from './mesh.ts'
import { namedKeys } from './names.ts'
import type { Chosen } from './relations.ts'
import type { Config, LiveName } from './schema.ts'
import type { SourceName } from './source.ts'

/** Who is told of each key that is declared live. Several keys may have one that takes them all. */
export type Tuners = { readonly [N in LiveName]: (config: Config) => void }

export interface KeyStanding {
  readonly key: string
  readonly value: string
  readonly source: SourceName
  readonly where: string
  readonly applies: 'live' | 'restart' | undefined
  /** What it will be from the next start on. */
  readonly next?: { readonly value: string; readonly source: SourceName }
}

export class LiveConfig {
  readonly #input: ConfigInput
  /** By key: as it is in force. */
  readonly #inForce: Map<string, Chosen>
  #wanted: LoadedWell
  /** Keys that whoever was told of them has not taken, and why. */
  readonly #failed = new Map<string, string>()

  /** `loaded` is what came of the input. */
  constructor(input: ConfigInput, loaded: LoadedWell) {
    this.#input = input
    this.#wanted = loaded
    this.#inForce = new Map(loaded.chosen)
  }

  get config(): Config {
    return nested((name) => this.#inForce.get(name)!.value)
  }

  /** Where what is in force is from. */
  sourceOf(name: string): SourceName | undefined {
    return this.#inForce.get(name)?.found.source
  }

  get left(): readonly Left[] {
    const failed = [...this.#failed].map(([key, why]) => ({
      key,
      kind: 'failed' as const,
      why,
    }))
    return [...this.#wanted.left, ...failed]
  }

  /** Another version of what is set for the mesh: tells of what has changed by it and is live. */
  take(mesh: MeshValues, tuners: Tuners): void {
    const loaded = loadConfig({ ...this.#input, mesh })
    assert(loaded.ok, 'no value of the mesh makes a good configuration a bad one')
    this.#wanted = loaded
    this.#failed.clear()
    const before = new Map<LiveName, Chosen>()
    for (const named of namedKeys) {
      const next = loaded.chosen.get(named.name)!
      const now = this.#inForce.get(named.name)!
      const isSame = isSameValue(next, now)
      if (!isSame && appliesOf(named) !== 'live') continue
      this.#inForce.set(named.name, next)
      if (!isSame) before.set(named.name as LiveName, now)
    }
    this.#tell(before, tuners)
  }

  /** `before`: what was in force, of keys that have changed. */
  #tell(before: ReadonlyMap<LiveName, Chosen>, tuners: Tuners): void {
    const { config } = this
    for (const tune of new Set([...before.keys()].map((name) => tuners[name]))) {
      try {
        tune(config)
      } catch (error) {
        // One mistake in here would otherwise end every agent of the mesh at the same time.
        const why = `it could not be told here: ${messageOf(error)}`
        for (const [name, chosen] of before) {
          if (tuners[name] !== tune) continue
          this.#failed.set(name, why)
          this.#inForce.set(name, chosen)
        }
      }
    }
  }

  /** Of every key, in the order of the reference. */
  standing(): KeyStanding[] {
    return namedKeys.map((named) => {
      const now = this.#inForce.get(named.name)!
      const next = this.#wanted.chosen.get(named.name)!
      return {
        key: named.name,
        value: textOf(now),
        source: now.found.source,
        where: now.found.where,
        applies: appliesOf(named),
        ...(isSameValue(now, next)
          ? {}
          : { next: { value: textOf(next), source: next.found.source } }),
      }
    })
  }
}

function isSameValue(a: Chosen, b: Chosen): boolean {
  return JSON.stringify(a.value) === JSON.stringify(b.value)
}

/** As it is written on one line. */
function textOf({ found: { pieces } }: Chosen): string {
  return pieces.map(({ name, text }) => (name === undefined ? text : `${name}=${text}`)).join(',')
}
