/**
 * `skein model evaluate`: learners beside plain rules, on traces of others. Offline; the same traces
 * and seed give the same figures.
 */
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { type Way, ways } from '../../models/evaluation/ask.ts'
import { judgedSuccess, type SuccessJudged } from '../../models/evaluation/chances.ts'
import {
  type Heard,
  type Hearing,
  hear,
  type Line,
  linesOf,
} from '../../models/evaluation/evaluate.ts'
import { contestants } from '../../models/evaluation/learners.ts'
import { byApplication, byTime, type Split } from '../../models/evaluation/splits.ts'
import type { LivingLearner, Row } from '../../models/rows.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { type Context, document } from './context.ts'
import { evaluationText } from './model-evaluate-text.ts'
import { plain } from './table.ts'
import { type TraceFolder, traceFolder } from './trace-folder.ts'

export interface EvaluateFlags {
  traces: string
  split: 'time' | 'application'
  seed: string
}

export interface Evaluation {
  readonly split: EvaluateFlags['split']
  readonly seed: number
  readonly files: number
  readonly rows: number
  readonly untimed: number
  readonly applications: number
  readonly known: number
  readonly held: number
  readonly between: number
  readonly baselines: readonly string[]
  readonly chosen: string
  readonly ways: Readonly<Record<Way, readonly Line[]>>
  readonly byApplication: readonly {
    readonly application: string
    readonly held: number
    readonly ways: Readonly<Record<Way, readonly Line[]>>
  }[]
  /** By time; absent where nothing failed in what was held back. */
  readonly success?: SuccessJudged
  readonly seconds: number
}

/**
 * Ctrl-C ends it at once. Nobody could hear of it while figures are reckoned, and there is nothing to
 * put away.
 */
export async function evaluate(context: Context, flags: EvaluateFlags): Promise<number> {
  const listeners = process.listeners('SIGINT')
  process.removeAllListeners('SIGINT')
  try {
    return await evaluated(context, flags)
  } finally {
    for (const listener of listeners) process.on('SIGINT', listener)
  }
}

async function evaluated(context: Context, flags: EvaluateFlags): Promise<number> {
  const startedMs = Date.now()
  const folder = await traceFolder(context, flags.traces)
  const all = folder.collection.rows()
  const rows = all.filter(({ ended }) => ended === 'succeeded')
  const splits = flags.split === 'time' ? [byTime(rows)] : byApplication(rows)
  if (splits.every(({ known, held }) => known.length === 0 || held.length === 0)) {
    throw tooLittle(flags, rows.length)
  }
  const engine = new ProcessEngine()
  const { baselines, families, chosen } = contestants(entropyOf(flags.seed), engine)
  // An application each: the families by themselves would take as long again.
  const learners =
    flags.split === 'time' ? [...baselines, ...families, chosen] : [...baselines, chosen]
  const hearings = await hearingsOf(context, splits, learners).finally(() => engine.close())
  const success = flags.split === 'time' ? judgedSuccess(byTime(all)) : undefined
  const result: Evaluation = {
    ...{ split: flags.split, seed: Number(flags.seed) },
    ...countsOf(folder, rows, splits),
    baselines: baselines.map(({ name }) => name),
    chosen: chosen.name,
    ways: inAllWays(hearings),
    byApplication: [
      ...Map.groupBy(
        splits.flatMap(({ held }) => held),
        ({ group }) => group,
      ),
    ]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([application, held]) => ({
        application,
        held: held.length,
        ways: inAllWays(hearings, ({ group }) => group === application),
      })),
    ...(success === undefined ? {} : { success }),
    seconds: (Date.now() - startedMs) / 1_000,
  }
  const { refused } = folder
  if (context.json) document(context, { schemaVersion: 1, ...result, refused })
  else context.io.out(evaluationText(context, result))
  return refused.length > 0 ? exitCodes.partly : exitCodes.done
}

function entropyOf(seed: string): SystemEntropy {
  return new SystemEntropy(new TextEncoder().encode(`evaluate ${seed}`))
}

async function hearingsOf(
  context: Context,
  splits: readonly Split[],
  learners: readonly LivingLearner[],
): Promise<Hearing[]> {
  const hearings: Hearing[] = []
  for (const split of splits) {
    const heard: Heard[] = []
    for (const learner of learners) {
      const of = splits.length > 1 ? `${split.name}: ` : ''
      if (!context.quiet && !context.json) context.io.err(`${plain(of)}${learner.name} …\n`)
      heard.push(await hear(learner, split))
    }
    hearings.push({ held: split.held, heard })
  }
  return hearings
}

function countsOf(
  { collection, read }: TraceFolder,
  rows: readonly Row[],
  splits: readonly Split[],
) {
  const sum = (of: (split: Split) => number) => splits.reduce((all, split) => all + of(split), 0)
  return {
    files: read,
    rows: rows.length,
    untimed: collection.untimed,
    applications: new Set(rows.map(({ group }) => group)).size,
    known: Math.round(sum(({ known }) => known.length) / splits.length),
    held: sum(({ held }) => held.length),
    between: sum(({ between }) => between),
  }
}

function inAllWays(hearings: readonly Hearing[], isAsked?: (row: Row) => boolean) {
  const of = (way: Way) => linesOf(hearings, way, isAsked)
  return Object.fromEntries(ways.map((way) => [way, of(way)])) as Record<Way, Line[]>
}

function tooLittle({ traces, split }: EvaluateFlags, rows: number): Problem {
  const needed =
    split === 'time' ? 'something that begins when something has ended' : 'two applications'
  return new Problem({
    code: 'tooLittle',
    why: `${plain(traces)}: of ${rows} attempts none can be held back: ${needed} is needed`,
    fix:
      split === 'time'
        ? 'name a folder with more traces'
        : 'add traces of another, or use --split time',
    exitCode: exitCodes.notFound,
  })
}
