/**
 * `skein model evaluate --federated --seeds`: the same comparison with several seeds, each of which
 * draws its own beginning, rows, halves and liars; and beside what comes of it, how far apart two
 * courses are that differ by nothing but what was drawn.
 */
import { wayOf } from '../../models/federation/experiment/attacked.ts'
import {
  type Line,
  type PromiseLine,
  wayWords,
} from '../../models/federation/experiment/figures.ts'
import { median } from '../../models/measures/quantiles.ts'
import type { FederatedEvaluation } from './model-federated.ts'
import { lieShares, promiseSaid } from './model-federated-text.ts'
import { type Column, table } from './table.ts'

/** Over all seeds. */
export interface Range {
  readonly least: number
  readonly median: number
  readonly most: number
}

/** It holds where the seed in the middle says so. */
export interface PromiseOfSeeds extends Range, Pick<PromiseLine, 'promise' | 'goal' | 'holds'> {
  /** Seed by seed, in their order. */
  readonly values: readonly number[]
  /** With so many seeds. */
  readonly holdsWith: number
}

/** Of one way of training with all honest: beside its loss with the seed in the middle. */
export interface SpreadOfSeeds {
  readonly trained: string
  readonly least: number
  readonly most: number
}

export interface Seeds {
  readonly promises: readonly PromiseOfSeeds[]
  readonly spread: readonly SpreadOfSeeds[]
}

export function seedsOf(all: readonly FederatedEvaluation[]): Seeds {
  const [first] = all
  const names = [...new Set(all.flatMap((one) => promisesOf(one).map(({ promise }) => promise)))]
  const ways = first === undefined ? [] : linesOf(first).filter(isOfAll)
  return {
    promises: names.map((name) => promiseOf(name, all)),
    spread: ways.map(({ trained }) => spreadOf(trained, all)),
  }
}

function promiseOf(promise: string, all: readonly FederatedEvaluation[]): PromiseOfSeeds {
  const lines = all.flatMap((one) => promisesOf(one).filter((line) => line.promise === promise))
  const values = lines.map(({ value }) => value)
  const goal = lines[0]?.goal ?? Number.NaN
  const range = rangeOf(values)
  const holdsWith = lines.filter(({ holds }) => holds).length
  return { promise, ...range, goal, holds: range.median <= goal, holdsWith, values }
}

function spreadOf(trained: string, all: readonly FederatedEvaluation[]): SpreadOfSeeds {
  const losses = all.flatMap((one) =>
    linesOf(one).flatMap((line) =>
      isOfAll(line) && line.trained === trained ? [line.errors.pinballLog] : [],
    ),
  )
  const { least, median: middle, most } = rangeOf(losses)
  return { trained, least: least / middle - 1, most: most / middle - 1 }
}

/** Of each client's own rows: the same ones with each seed. */
function isOfAll({ on }: Pick<Line, 'on'>): boolean {
  return on === 'own'
}

function rangeOf(values: readonly number[]): Range {
  return { least: Math.min(...values), median: median(values), most: Math.max(...values) }
}

function promisesOf({ promises, trees }: FederatedEvaluation): readonly PromiseLine[] {
  return 'promises' in trees ? [...promises, ...trees.promises] : promises
}

function linesOf({ lines, trees }: FederatedEvaluation): readonly Line[] {
  return 'lines' in trees ? [...lines, ...trees.lines] : lines
}

const promiseColumns: readonly Column[] = [
  { title: 'PROMISED' },
  { title: 'MEDIAN', right: true },
  { title: 'LEAST', right: true },
  { title: 'MOST', right: true },
  { title: 'AT MOST', right: true },
  { title: 'HOLDS' },
]

/** Seed by seed, so that nobody has to believe a median. */
const lieColumns: readonly Column[] = [
  { title: 'SEED', right: true },
  { title: 'LOSS OF THE HONEST' },
  { title: 'DATA MISSED', right: true },
  { title: 'LIES COST', right: true },
  { title: 'TOGETHER', right: true },
  { title: 'LEFT OUT OF MOST' },
]

const spreadColumns: readonly Column[] = [
  { title: 'ALL HONEST' },
  { title: 'LEAST', right: true },
  { title: 'MOST', right: true },
]

export function seedsText(
  all: readonly FederatedEvaluation[],
  { promises, spread }: Seeds,
  columns: number,
): string {
  const promised = promises.map(({ promise, least, median: middle, most, goal, ...one }) => [
    promise,
    ...[middle, least, most, goal].map((figure) => promiseSaid(figure, goal)),
    `${one.holds ? 'yes' : 'no'} (${one.holdsWith} of ${one.values.length} seeds)`,
  ])
  const apart = spread.map(({ trained, least, most }) => [
    trained,
    ...[least, most].map((figure) => promiseSaid(figure)),
  ])
  const lied = all.flatMap(lieRows)
  return [
    `seeds ${all.map(({ seed }) => seed).join(', ')}`,
    '',
    table(promiseColumns, promised, columns),
    '',
    ...(lied.length > 0 ? [table(lieColumns, lied, columns), ''] : []),
    'How far the loss on own later rows is from that with the seed in the middle, by nothing but what was drawn:',
    table(spreadColumns, apart, columns),
    '',
  ].join('\n')
}

/** Who lies has a star. */
function lieRows({ seed, lieCosts, trees, clients, ...result }: FederatedEvaluation): string[][] {
  const liars = new Set(clients.flatMap(({ name, lies }) => (lies ? [name] : [])))
  const ofTrees = 'lieCosts' in trees ? trees : undefined
  const ways = [{ lieCosts, rounds: result.roundsUnderAttack }]
  if (ofTrees) ways.push({ lieCosts: ofTrees.lieCosts, rounds: ofTrees.roundsUnderAttack })
  return ways.flatMap((way) =>
    way.lieCosts.map((cost) => [
      ...[String(seed), `${cost.trained}${wayWords[wayOf(cost)]}`],
      ...lieShares(cost).map((share) => promiseSaid(share)),
      (way.rounds?.suspects ?? []).map((name) => (liars.has(name) ? `${name}*` : name)).join(' '),
    ]),
  )
}
