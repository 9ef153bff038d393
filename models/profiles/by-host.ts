/**
 * How long work of one kind takes on each host, by what each host says: a few attempts say little of a
 * host, and what all hosts say together stands in for the rest.
 */
import type { Range } from '../rows.ts'
import { levelsOf } from './levels.ts'
import { profileLimits } from './limits.ts'
import { type AllTold, type Estimate, estimateOf } from './pooling.ts'

export interface TaskTimes {
  /** On all hosts together. */
  readonly range: Range
  /** In the middle, by host; of hosts that are not in it nothing is known but `range`. */
  readonly byHost: ReadonlyMap<string, HostTime>
}

export interface HostTime {
  readonly ms: number
  /** Attempts there that speak for it. */
  readonly n: number
}

/** What all hosts say counts as so many attempts of each. */
const DOUBT = 2

/** Undefined where there is no ground to say anything. */
export function timesByHost(
  group: string,
  task: string,
  told: AllTold,
  { tookMs }: Estimate = estimateOf(group, task, told),
): TaskTimes | undefined {
  if (tookMs === undefined) return undefined
  const { source, by, ...range } = tookMs
  // What a model says, it says of the task itself.
  const spoken = by === undefined ? source : 'history'
  const key = levelsOf(group, task).find((level) => level.source === spoken)?.key ?? ''
  const byHost = new Map<string, HostTime>()
  for (const { host, tookMs: plain, advised: there = plain } of told.get(key) ?? []) {
    if (host === undefined || there === undefined || there.n === 0) continue
    byHost.set(host, { ms: between(there, range), n: there.n })
  }
  return { range, byHost }
}

/** Of logarithms, as times are compared by their ratio. A liar is not believed more than all can be. */
function between(there: Range, all: Range): number {
  const n = Math.min(there.n, profileLimits.attemptsPerKind)
  const own = Math.log(Math.max(1, there.p50))
  const others = Math.log(Math.max(1, all.p50))
  return Math.exp((n * own + DOUBT * others) / (n + DOUBT))
}
