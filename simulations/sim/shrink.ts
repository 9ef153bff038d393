/**
 * Looks for the smallest storm under which a seed still fails in the same way: first with fewer
 * faults (delta debugging, Zeller 2002), then with true clocks and a calm network.
 */
import type { Fault } from './fault.ts'
import { simLimits } from './limits.ts'
import type { Climate } from './schedule.ts'
import { runTrial, type TrialOptions } from './trial.ts'
import type { Failure } from './verdict.ts'

export interface Shrunk {
  readonly climate: Climate
  readonly runs: number
}

export interface ShrinkOptions {
  readonly runsMax?: number
  /** Told before each run. */
  readonly onRun?: (faults: number) => void
}

export async function shrink(
  options: TrialOptions,
  failing: Climate,
  failure: Failure,
  { runsMax = simLimits.shrinkRunsMax, onRun = () => {} }: ShrinkOptions = {},
): Promise<Shrunk> {
  let runs = 0
  const stillFails = async (climate: Climate): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs++
    onRun(climate.faults.length)
    const { verdict } = await runTrial({ ...options, climate })
    return (
      verdict.kind !== 'passed' &&
      verdict.kind === failure.kind &&
      verdict.checker === failure.checker
    )
  }
  const faults = await fewerFaults(failing.faults, (kept) =>
    stillFails({ ...failing, faults: kept }),
  )
  let climate = { ...failing, faults }
  const simpler: Partial<Climate>[] = [{ driftPpm: [] }, { link: {} }]
  for (const change of simpler) {
    const calmer = { ...climate, ...change }
    if (await stillFails(calmer)) climate = calmer
  }
  return { climate, runs }
}

async function fewerFaults(
  all: readonly Fault[],
  fails: (kept: readonly Fault[]) => Promise<boolean>,
): Promise<readonly Fault[]> {
  if (await fails([])) return []
  let kept = all
  let parts = 2
  while (kept.length >= 2) {
    const without = await firstThatFails(kept, parts, fails)
    if (without) {
      kept = without
      parts = Math.max(2, parts - 1)
    } else if (parts >= kept.length) break
    else parts = Math.min(kept.length, parts * 2)
  }
  return kept
}

/** The faults without one of so many parts of them, if that fails as well. */
async function firstThatFails(
  faults: readonly Fault[],
  parts: number,
  fails: (kept: readonly Fault[]) => Promise<boolean>,
): Promise<readonly Fault[] | undefined> {
  const size = Math.ceil(faults.length / parts)
  for (let from = 0; from < faults.length; from += size) {
    const without = [...faults.slice(0, from), ...faults.slice(from + size)]
    if (await fails(without)) return without
  }
  return undefined
}
