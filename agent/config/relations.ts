/** What one value of a configuration says of another. */
import { formatDuration } from '../../protocol/units.ts'
import type { ConfigProblem } from './problem.ts'
import type { Found } from './source.ts'

/** The value of a key, and where it was found. */
export interface Chosen {
  readonly found: Found
  readonly value: unknown
}

export interface Clash {
  /** Told where somebody wrote it. */
  readonly problem: ConfigProblem
  /** Those of the keys that are as the mesh says. */
  readonly ofMesh: readonly string[]
}

export function clashIn(chosen: ReadonlyMap<string, Chosen>): Clash | undefined {
  const shortest = chosen.get('telemetry.intervalMin')!
  const longest = chosen.get('telemetry.intervalMax')!
  if ((shortest.value as number) <= (longest.value as number)) return undefined
  const { where } = (longest.found.source === 'default' ? shortest : longest).found
  const [min, max] = [shortest, longest].map(({ value }) => formatDuration(value as number))
  const why = `telemetry.intervalMin is ${min}, longer than telemetry.intervalMax, which is ${max}`
  return {
    problem: { where, why, fix: 'make the longest the longer one' },
    ofMesh: [shortest, longest]
      .filter(({ found }) => found.source === 'mesh')
      .map(({ found }) => found.key.name),
  }
}
