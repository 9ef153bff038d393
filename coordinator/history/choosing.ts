/** Which runs are to leave the ledger: a pure function of what is kept and what time it is. */
import { archivingLimits } from './limits.ts'

export interface Standing {
  /** Runs in the ledger that are kept on this host, and when they ended. */
  readonly held: Iterable<readonly [run: string, endedMs: number]>
  /** Runs in the ledger, those that go on included. */
  readonly runs: number
  readonly runsMax: number
  readonly nowMs: number
  readonly afterMs: number
}

/** Those that ended first come first. */
export function dueRuns({ held, runs, runsMax, nowMs, afterMs }: Standing): string[] {
  const { endedMax } = archivingLimits
  const all = [...held].sort(([a, endedA], [b, endedB]) => endedA - endedB || (a < b ? -1 : 1))
  const old = all.findIndex(([, endedMs]) => endedMs > nowMs - afterMs)
  const aged = old < 0 ? all.length : old
  const surplus = isFull(runs, runsMax) ? all.length : all.length - endedMax
  return all.slice(0, Math.max(aged, surplus)).map(([run]) => run)
}

export function isFull(runs: number, runsMax: number): boolean {
  return runs > archivingLimits.fullShare * runsMax
}
