/**
 * Where what a stage says of itself does not go with what such attempts took: timeouts that cut work
 * off, or that are so long that what hangs is found late, and less memory asked for than is taken.
 * Nothing is said of what only similar work has shown, or of a few attempts where many are needed.
 */
import { figureAt, shareBelow } from '../../models/profiles/draws.ts'
import type { Range } from '../../models/rows.ts'
import { formatDuration } from '../../protocol/units.ts'
import { workflowLimits } from '../../protocol/workflow/limits.ts'
import type { Stage } from '../../protocol/workflow/model.ts'
import { seconds, share, size } from '../placement/words.ts'
import type { StageExpected } from './expecting.ts'
import { hintedTimes } from './limits.ts'
import type { Hint } from './plan.ts'

export function hintsOfHistory(
  stages: readonly Stage[],
  expectedOf: (stage: Stage) => StageExpected,
): Hint[] {
  const told = stages.map((stage) => ({ stage, expected: expectedOf(stage) }))
  return [
    ...told.flatMap(({ stage, expected }) => shortTimeout(stage, expected) ?? []),
    ...told.flatMap(({ stage, expected }) => littleMemory(stage, expected) ?? []),
    ...told.flatMap(({ stage, expected }) => longTimeout(stage, expected) ?? []),
  ]
}

interface Known {
  readonly range: Range
  /** All but one of a hundred take no longer. */
  readonly farMs: number
}

/** Of the same task in the same workflow. */
function knownOf({ time }: StageExpected): Known | undefined {
  if (time?.source !== 'history' || time.n === undefined) return undefined
  const range = { p10: time.p10Ms, p50: time.p50Ms, p90: time.p90Ms, n: time.n }
  return { range, farMs: Math.max(time.p90Ms, figureAt(range, 0.99)) }
}

/** Of one attempt; the time for all of them bounds the first of them, too. */
function timeoutOf({ timeouts, forEach }: Stage): number | undefined {
  const { startToCloseMs, totalMs } = timeouts
  const totalOfOne = forEach === undefined ? totalMs : undefined
  if (startToCloseMs === undefined) return totalOfOne
  return Math.min(startToCloseMs, totalOfOne ?? startToCloseMs)
}

function shortTimeout(stage: Stage, expected: StageExpected): Hint | undefined {
  const timeoutMs = timeoutOf(stage)
  const known = knownOf(expected)
  if (timeoutMs === undefined || known === undefined) return undefined
  if (timeoutMs >= roomyMs(known)) return undefined
  const cut = 1 - shareBelow(known.range, timeoutMs)
  // A tail is known only by many.
  const cutMin = known.range.n >= hintedTimes.manyMin ? hintedTimes.cutMin : hintedTimes.cutOfFewMin
  if (cut < cutMin) return undefined
  const message = `its timeout of ${spent(timeoutMs)} would cut off about ${share(cut)} of its attempts: nine of ten took up to ${spent(known.range.p90)} (n=${known.range.n}); ${spent(roomyMs(known))} leaves room`
  return { code: 'shortTimeout', stage: stage.name, message }
}

function longTimeout(stage: Stage, expected: StageExpected): Hint | undefined {
  const timeoutMs = timeoutOf(stage)
  const known = knownOf(expected)
  if (known === undefined || known.range.n < hintedTimes.manyMin) return undefined
  const { far, farByMs } = hintedTimes
  const isFar = (ms: number) => ms > far * known.farMs && ms > known.farMs + farByMs
  const took = `nearly all took less than ${spent(known.farMs)} (n=${known.range.n}); ${spent(roomyMs(known))} leaves room`
  if (timeoutMs === undefined) {
    const message = `it has no timeout, so that one that hangs does so for ever: ${took}`
    return { code: 'noTimeout', stage: stage.name, message }
  }
  if (!isFar(timeoutMs)) return undefined
  const message = `its timeout of ${spent(timeoutMs)} finds one that hangs late: ${took}`
  return { code: 'longTimeout', stage: stage.name, message }
}

function littleMemory({ name, resources }: Stage, { memory }: StageExpected): Hint | undefined {
  const { memoryBytes } = resources
  if (memoryBytes === undefined || memory?.source !== 'history') return undefined
  if (memory.p90Bytes <= memoryBytes) return undefined
  const message = `it asks for ${size(memoryBytes)} of memory, and nine of ten attempts took up to ${size(memory.p90Bytes)} (n=${memory.n}): a host may run out, or end it where it is held to what it asks for`
  return { code: 'littleMemory', stage: name, message }
}

/** Twice what nearly all take, as a person would write it, and as long as a workflow may say. */
function roomyMs({ farMs }: Known): number {
  const roomy = Math.max(hintedTimes.roomMs, 2 * farMs)
  return Math.min(nextAfter(roomy), workflowLimits.durationMsMax)
}

function spent(ms: number): string {
  return ms < MINUTE_MS ? seconds(ms) : formatDuration(Math.round(ms / SECOND_MS) * SECOND_MS)
}

const SECOND_MS = 1_000
const steps = [10, 15, 20, 30, 45, 60, 90].map((each) => each * SECOND_MS)
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

function nextAfter(ms: number): number {
  const step = steps.find((each) => each >= ms)
  if (step !== undefined) return step
  const unit = ms > 2 * HOUR_MS ? HOUR_MS / 2 : ms > 20 * MINUTE_MS ? 5 * MINUTE_MS : MINUTE_MS
  return Math.ceil(ms / unit) * unit
}
