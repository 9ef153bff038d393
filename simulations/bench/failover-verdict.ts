/** What became of stages that were in flight when an agent was killed, by what the ledger says. Pure. */
import type { RunDetail, Stage } from '../../coordinator/api/run-schemas.ts'
import { successesOf } from './run-times.ts'

export interface BeforeKill {
  /** Of each stage in flight the name of its agent. */
  readonly places: ReadonlyMap<string, string>
  readonly victim: string
  readonly killedMs: number
  /** From here on nothing can have been assigned by who was killed. */
  readonly goneMs: number
}

export interface AfterKill {
  /** From the kill to the first assignment after it. */
  readonly dispatchMs: number
  /** From the kill to the assignment, elsewhere, of the last stage that ran there; 0 without any. */
  readonly elsewhereMs: number
  /** Stages that were in flight on the agent that was killed. */
  readonly onVictim: number
  /** Stages whose agent lived on, and which were tried again all the same. */
  readonly restarted: number
  /** Stages without a success, and stages with more than one. */
  readonly lost: number
  readonly doubled: number
}

export function placesIn({ stages }: RunDetail): Map<string, string> {
  const places = new Map<string, string>()
  for (const { name, state, nodeName } of stages) {
    if (state === 'assigned' && nodeName !== undefined) places.set(name, nodeName)
  }
  return places
}

export function judgedAfter(
  { places, victim, killedMs, goneMs }: BeforeKill,
  inFlight: RunDetail,
  others: readonly RunDetail[],
): AfterKill {
  const onVictim = inFlight.stages.filter(({ name }) => places.get(name) === victim)
  const elsewhere = inFlight.stages.filter(({ name }) => places.get(name) !== victim)
  const all = [inFlight, ...others].flatMap(({ stages }) => stages)
  const assigned = all
    .flatMap(({ attempts = [] }) => attempts.map(({ assignedMs }) => assignedMs))
    .filter((assignedMs) => assignedMs > goneMs)
  const moved = onVictim.map((stage) => movedMsOf(stage, victim, goneMs) - killedMs)
  const count = (stages: readonly Stage[], holds: (stage: Stage) => boolean) =>
    stages.filter(holds).length
  return {
    dispatchMs: minOf(assigned) - killedMs,
    elsewhereMs: Math.max(0, ...moved),
    onVictim: onVictim.length,
    restarted: count(elsewhere, ({ attempt }) => attempt !== 1),
    lost: count(all, (stage) => successesOf(stage).length === 0),
    doubled: count(all, (stage) => successesOf(stage).length > 1),
  }
}

/** Infinity for one that was not assigned to another agent afterwards. */
function movedMsOf({ attempts = [] }: Stage, victim: string, goneMs: number): number {
  return minOf(
    attempts
      .filter(({ nodeName, assignedMs }) => nodeName !== victim && assignedMs > goneMs)
      .map(({ assignedMs }) => assignedMs),
  )
}

function minOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
}
