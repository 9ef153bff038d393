/**
 * What a run costs in memory, told apart from what runs cost once however many there are: code that
 * is compiled, buffers that have grown. The first is how much more there is with more runs, over how
 * many more; the rest of what came with the first runs is the second. Pure.
 */
import { heapRestLimits } from '../../agent/ports/limits.ts'
import { assert } from '../../protocol/assert.ts'
import type { Figure } from './report.ts'

export interface Level {
  /** In flight. */
  readonly runs: number
  readonly bytes: number
}

/** A run among many may cost so much more than one among fewer. */
const FLAT_SHARE = 1.25
/** By so much a quiet agent may have grown, until it is swept, for no reason of runs. */
const { grownBytesMax: TREMBLE_BYTES } = heapRestLimits

/** `levels`: at none, and at three counts that grow. */
export function memoryFigures(who: string, levels: readonly Level[]): Figure[] {
  const [none, few, half, all] = levels
  assert(none && few && half && all, 'a slope that is compared with another takes three counts')
  const each = slopeBytes(few, all)
  const early = slopeBytes(few, half)
  const late = slopeBytes(half, all)
  const trembleOf = (a: Level, b: Level) => TREMBLE_BYTES / (b.runs - a.runs)
  const slackBytes = trembleOf(few, half) + trembleOf(half, all)
  const kib = (bytes: number) => bytes / 1_024
  const said = (at: Level) => at.runs.toLocaleString('en')
  return [
    {
      metric: `${who}: at rest, before`,
      unit: 'MiB',
      value: none.bytes / 2 ** 20,
    },
    {
      metric: `${who}: with ${said(all)} in flight`,
      unit: 'MiB',
      value: all.bytes / 2 ** 20,
    },
    {
      metric: `${who}: once, however many`,
      unit: 'MiB',
      value: (few.bytes - none.bytes - each * few.runs) / 2 ** 20,
    },
    {
      metric: `${who}: each run from ${said(few)} to ${said(all)}, give or take ${kib(trembleOf(few, all)).toFixed(1)}`,
      unit: 'KiB',
      value: kib(each),
    },
    {
      metric: `${who}: of these from ${said(few)} to ${said(half)}`,
      unit: 'KiB',
      value: kib(early),
    },
    {
      metric: `${who}: and from ${said(half)} to ${said(all)}`,
      unit: 'KiB',
      value: kib(late),
      goal: `<= ${FLAT_SHARE} × that, give or take ${kib(slackBytes).toFixed(1)}`,
      holds: late <= Math.max(0, early) * FLAT_SHARE + slackBytes,
    },
  ]
}

function slopeBytes(a: Level, b: Level): number {
  assert(b.runs > a.runs, 'there are more runs at the later level', { a: a.runs, b: b.runs })
  return (b.bytes - a.bytes) / (b.runs - a.runs)
}
