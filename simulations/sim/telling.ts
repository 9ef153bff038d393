/** How simulations are told: a line for each thing that happened, and a verdict with its reasons. */
import { timelineLine } from '../readable/timeline.ts'
import { describeFault } from './fault.ts'
import type { Said } from './overseer.ts'
import type { Climate } from './schedule.ts'
import type { TrialResult } from './trial.ts'
import type { Failure } from './verdict.ts'
import type { WorkCounts } from './work/trial.ts'

/** People know hosts by their names. */
const plainId = /sim-0*([a-z][a-z0-9-]*)/g

export function lineOf({ atMs, host, text }: Said): string {
  return timelineLine(atMs, host, text.replaceAll(plainId, '$1'))
}

export function linesOfFailure(failure: Failure): string[] {
  const { kind, checker, what, lines, atMs } = failure
  return [
    `${kind.toUpperCase()}: ${checker}, after ${(atMs / 1_000).toFixed(1)} s`,
    `  ${what}`,
    ...lines.map((line) => `  ${line}`),
  ]
}

export function linesOfClimate({ link, driftPpm, faults }: Climate): string[] {
  const wires = Object.entries(link).map(([name, value]) => `${name} ${value}`)
  const clocks = driftPpm.map((ppm, i) => `n${i + 1} ${ppm > 0 ? '+' : ''}${Math.round(ppm)}`)
  return [
    `  wires: ${wires.length > 0 ? wires.join(', ') : 'as in a rack'}`,
    `  clocks, in millionths: ${clocks.length > 0 ? clocks.join(', ') : 'true'}`,
    ...faults.map((fault) => timelineLine(fault.atMs, '', describeFault(fault))),
  ]
}

export function summaryOf(result: TrialResult): string {
  const { seed, hash, virtualMs, events, elections, entries, operations, climate } = result
  const asked = Object.values(operations).reduce((sum, count) => sum + count, 0)
  return [
    `seed ${seed}`,
    `trace ${hash}`,
    `${(virtualMs / 1_000).toFixed(0)} s`,
    `${events} events`,
    `${climate.faults.length} faults`,
    `${elections} elections`,
    `${entries} entries`,
    result.work
      ? textOfWork(result.work)
      : `${asked} operations of clients (${operations.unknown} never answered)`,
  ].join(', ')
}

export function textOfWork({ runs, begun, lost, raced, outrun, votes }: WorkCounts): string {
  return `${runs} runs, ${begun} programs begun, ${lost} attempts lost or declined, ${raced} races (${outrun} attempts outrun), ${votes} votes`
}
