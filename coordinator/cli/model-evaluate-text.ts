/** What `skein model evaluate` prints for eyes. */
import type { Line } from '../../models/evaluation/evaluate.ts'
import type { DurationErrors } from '../../models/measures/duration.ts'
import type { Context } from './context.ts'
import { ABSENT, percent } from './figures.ts'
import type { Evaluation } from './model-evaluate.ts'
import { type Column, plain, table, wrapped } from './table.ts'

const titles = {
  once: 'Asked once, told nothing more',
  living: 'Asked as an agent is, told of what has ended',
} as const

const learnerColumns: readonly Column[] = [
  { title: 'LEARNER' },
  { title: 'N', right: true },
  { title: 'UNKNOWN', right: true },
  { title: 'ERROR', right: true },
  { title: 'PINBALL', right: true },
  { title: 'LOSS OF LOGS', right: true, leave: 2 },
  { title: 'IN BAND', right: true },
  { title: 'WIDTH', right: true, leave: 1 },
]

export function evaluationText({ io }: Context, evaluation: Evaluation): string {
  const { files, rows, untimed, applications, split, known, held, between, seconds } = evaluation
  const missing = untimed > 0 ? `, and ${untimed} that nobody measured` : ''
  const lost = between > 0 ? `, ${between} ran while the line was drawn` : ''
  const how =
    split === 'time'
      ? `by time: ${known} known, ${held} held back${lost}`
      : `by application: each is held back once, ${known} known on average`
  const lines = [
    `${files} files, ${rows} attempts of ${applications} applications${missing}`,
    `Split ${how}`,
  ]
  for (const way of ['once', 'living'] as const) {
    const of = evaluation.ways[way]
    lines.push('', `${titles[way]}:`, table(learnerColumns, of.flatMap(rowsOf), io.columns()))
    const verdict = verdictOf(evaluation, of)
    if (verdict !== undefined) lines.push(verdict)
  }
  lines.push('', successText(evaluation, io.columns()))
  lines.push('', applicationsText(evaluation, io.columns()), '', `${seconds.toFixed(1)} s`)
  return `${lines.join('\n')}\n`
}

function successText({ success, split }: Evaluation, columns: number): string {
  if (split !== 'time') return 'Success is judged by time only'
  if (success === undefined) return 'Success: nothing failed of what was held back, or all did'
  const { held, failed, unknown, lines, reliability } = success
  const wanted: readonly Column[] = [{ title: 'CHANCES' }, { title: 'BRIER', right: true }]
  const rows = lines.map(({ learner, brier }) => [learner, brier.toFixed(4)])
  const steps = reliability.map(({ said, happened, n }) => {
    return `${percent(said)} came to ${percent(happened)} (n=${n})`
  })
  return `Success, told of what has ended: ${failed} of ${held} failed, ${unknown} unknown:\n${table(wanted, rows, columns)}\n${wrapped('What was said, made to hold: ', steps, columns, 2)}`
}

/** A second one where it answers more than all do. */
function rowsOf({ learner, unknown, common, own }: Line): string[][] {
  const first = [learner, ...figuresOf(common, String(unknown))]
  const more = (own?.n ?? 0) > (common?.n ?? 0)
  return more ? [first, [`  all that it answers`, ...figuresOf(own, '')]] : [first]
}

function figuresOf(errors: DurationErrors | undefined, unknown: string): string[] {
  if (errors === undefined) return ['0', unknown, ...new Array(5).fill(ABSENT)]
  const { n, medianError, pinballSeconds, pinballLog, coverage, width } = errors
  return [
    ...[String(n), unknown, percent(medianError, 1), `${pinballSeconds.toFixed(3)}s`],
    ...[pinballLog.toFixed(3), percent(coverage, 1), `×${width.toFixed(1)}`],
  ]
}

function verdictOf({ baselines, chosen }: Evaluation, lines: readonly Line[]): string | undefined {
  const ours = lines.find(({ learner }) => learner === chosen)?.common
  const best = bestOf(baselines, lines)
  if (ours === undefined || best?.common === undefined) return undefined
  const against = (of: (errors: DurationErrors) => number) => {
    const theirs = lines.flatMap(({ learner, common }) =>
      common && baselines.includes(learner) ? [of(common)] : [],
    )
    return signed(of(ours) / Math.min(...theirs) - 1)
  }
  const errors = `error ${against(({ medianError }) => medianError)}`
  const pinball = `pinball ${against(({ pinballSeconds }) => pinballSeconds)}`
  const logs = `loss of logs ${against(({ pinballLog }) => pinballLog)}`
  return `${chosen} against the best of the ${baselines.length} plain rules in each: ${errors}, ${pinball}, ${logs}`
}

function bestOf(baselines: readonly string[], lines: readonly Line[]): Line | undefined {
  return lines
    .filter(({ learner, common }) => common !== undefined && baselines.includes(learner))
    .toSorted((a, b) => (a.common?.medianError ?? 0) - (b.common?.medianError ?? 0))[0]
}

function signed(share: number): string {
  return Number.isFinite(share) ? `${share > 0 ? '+' : ''}${(share * 100).toFixed(0)}%` : ABSENT
}

function applicationsText(
  { byApplication, baselines, chosen }: Evaluation,
  columns: number,
): string {
  const wanted: readonly Column[] = [
    { title: 'APPLICATION', cutTo: 12 },
    { title: 'HELD', right: true },
    { title: 'BEST RULE', right: true },
    { title: 'CHOSEN', right: true },
    { title: 'IN BAND', right: true },
    { title: 'BEST RULE, LIVING', right: true, leave: 1 },
    { title: 'CHOSEN, LIVING', right: true },
    { title: 'IN BAND, LIVING', right: true },
  ]
  const rows = byApplication.map(({ application, held, ways }) => [
    ...[plain(application), String(held)],
    ...(['once', 'living'] as const).flatMap((way) => {
      const ours = ways[way].find(({ learner }) => learner === chosen)
      const error = (errors: DurationErrors | undefined) => percent(errors?.medianError, 1)
      const best = bestOf(baselines, ways[way])
      return [error(best?.common), error(ours?.common), percent(ours?.common?.coverage, 1)]
    }),
  ])
  return `Error by application:\n${table(wanted, rows, columns)}`
}
