/** Rows and questions of this host as the common model sees them, and what a version says of them. */

import { isDeepStrictEqual } from 'node:util'
import type { Engine } from '../../models/engine.ts'
import { examplesOf } from '../../models/federation/describing.ts'
import type { Told } from '../../models/federation/personal.ts'
import { Net } from '../../models/nets/net.ts'
import { historyKey } from '../../models/profiles/levels.ts'
import { commonShape } from '../../models/registry/common.ts'
import type { Question } from '../../models/rows.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { described } from './described.ts'
import type { OwnHost, OwnRow } from './lesson.ts'
import { adviceLimits } from './limits.ts'

/** What is asked about: a task of a workflow. */
export interface Kind {
  readonly group: string
  readonly task: string
}

type Sizes = Pick<Question, 'inputBytes' | 'inputFiles'>

export interface OracleParts {
  readonly clock: Pick<Clock, 'after'>
  readonly engine: Engine
  /** What this host is called. */
  readonly name: string
  readonly host: () => OwnHost
}

export class Oracle {
  readonly #parts: OracleParts
  readonly #net: Net
  /** By kind of work, how much its latest attempts were given, in turn. */
  readonly #sizes = new Map<string, Sizes[]>()

  constructor(parts: OracleParts) {
    this.#parts = parts
    this.#net = new Net(parts.engine, commonShape)
  }

  /** One for each row of features. */
  async told(parameters: Float32Array, features: Float32Array): Promise<readonly Told[]> {
    if (features.length === 0) return []
    const flat = await this.#net.predict(parameters, features)
    return Array.from({ length: flat.length / 3 }, (_, i) => {
      return [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]] as unknown as Told
    })
  }

  /** In slices, between which whatever else waits has its turn. */
  async described(rows: readonly OwnRow[]): Promise<Float32Array> {
    const { clock, name: host } = this.#parts
    const { features } = await described(rows, { clock, host, rowsAtOnce: adviceLimits.rowsAtOnce })
    return features
  }

  /**
   * As if it began here now. How much it will be given is not known: it is asked for each of the sizes
   * that its latest attempts had.
   */
  asked({ group, task }: Kind): Float32Array {
    const { name: host } = this.#parts
    const sizes = this.#sizes.get(historyKey(group, task)) ?? [{}]
    const rows = sizes.map((each) => {
      const known = { task, group, host, ...this.#parts.host(), ...each }
      return { ...known, startedMs: 0, endedMs: 0, ended: 'succeeded' as const }
    })
    return examplesOf(rows).features
  }

  /** Of an attempt that has ended. Whether work of its kind is given another amount now. */
  sized({ group, task, inputBytes, inputFiles }: OwnRow): boolean {
    const key = historyKey(group, task)
    const known = this.#sizes.get(key) ?? []
    if (this.#sizes.size >= adviceLimits.saidMax) this.#sizes.clear()
    const latest = {
      ...(inputBytes === undefined ? {} : { inputBytes }),
      ...(inputFiles === undefined ? {} : { inputFiles }),
    }
    const isSame = known.every((each) => isDeepStrictEqual(each, latest)) && known.length > 0
    // What never changes need not be asked for more than once.
    if (isSame) return false
    this.#sizes.set(key, [...known, latest].slice(-adviceLimits.sizesMax))
    return true
  }

  forget(): void {
    this.#sizes.clear()
  }
}
