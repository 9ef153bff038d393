/** Rows and questions of this host as the common model sees them, and what a version says of them. */

import { isDeepStrictEqual } from 'node:util'
import type { Engine } from '../../models/engine.ts'
import { joined } from '../../models/federation/aggregation/vectors.ts'
import { examplesOf } from '../../models/federation/describing.ts'
import type { Told } from '../../models/federation/personal.ts'
import { type Forest, saidBy } from '../../models/forest.ts'
import { Net } from '../../models/nets/net.ts'
import { historyKey } from '../../models/profiles/levels.ts'
import { commonShape } from '../../models/registry/common.ts'
import type { Learned } from '../../models/registry/learned.ts'
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
  async told(learned: Learned, features: Float32Array): Promise<readonly Told[]> {
    if (features.length === 0) return []
    const flat =
      learned.family === 'net'
        ? await this.#net.predict(learned.parameters, features)
        : await this.#saidByTrees(learned.forest, features)
    return Array.from({ length: flat.length / 3 }, (_, i) => {
      return [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]] as unknown as Told
    })
  }

  /** Trees are looked up in here, which is less work than to send rows to where models run: in slices. */
  async #saidByTrees(forest: Forest, features: Float32Array): Promise<Float32Array> {
    const width = adviceLimits.rowsOfTreesAtOnce * forest.features
    const parts: Float32Array[] = []
    for (let from = 0; from < features.length; from += width) {
      parts.push(saidBy(forest, features.subarray(from, from + width)))
      await new Promise<void>((resolve) => this.#parts.clock.after(0, resolve))
    }
    return joined(parts)
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
