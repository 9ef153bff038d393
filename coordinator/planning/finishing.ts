/**
 * When a graph of stages is through, by drawing what each of them takes, many times over. It is as
 * if nobody had to wait for room: what a full mesh adds is not known here. Pure, and the same for the
 * same question.
 */
import { quantile } from '../../models/measures/quantiles.ts'
import { Draws, figureAt, shareBelow } from '../../models/profiles/draws.ts'
import type { Range } from '../../models/rows.ts'
import { type Graph, needsOf } from '../../protocol/workflow/graph/graph.ts'
import { planLimits } from './limits.ts'

export type Piece =
  /** It is known: a wait, or what is over or skipped. */
  | { readonly kind: 'fixed'; readonly ms: number }
  | {
      readonly kind: 'drawn'
      readonly range: Range
      readonly items: number
      /** How many of them run at once. */
      readonly atOnce: number
      /** For how long it has run already. */
      readonly ranMs: number
    }
  /** It counts as nothing. */
  | { readonly kind: 'unknown' }

export interface Part {
  readonly graph: Graph
  /** Nodes, each after all that it needs. */
  readonly order: Iterable<number>
  readonly pieces: readonly Piece[]
}

export interface Span {
  readonly p10Ms: number
  readonly p50Ms: number
  readonly p90Ms: number
}

/**
 * Of parts that come one after the other; undefined where there is nothing to draw, and where there
 * is so much that too few draws would come of it.
 */
export function spanOf(
  parts: readonly Part[],
  figuresMax: number = planLimits.figuresMax,
): Span | undefined {
  const pieces = parts.flatMap((part) => part.pieces)
  if (!pieces.some(({ kind }) => kind === 'drawn')) {
    const [ms] = endsOf(parts, 1)
    const isKnown = pieces.some((piece) => piece.kind === 'fixed' && piece.ms > 0)
    return isKnown && ms !== undefined ? { p10Ms: ms, p50Ms: ms, p90Ms: ms } : undefined
  }
  const { drawsMin, drawsMax } = planLimits
  const rounds = Math.min(drawsMax, Math.floor(figuresMax / pieces.length))
  if (rounds < drawsMin) return undefined
  const ends = endsOf(parts, rounds).sort((a, b) => a - b)
  const at = (share: number) => Math.round(quantile(ends, share))
  return { p10Ms: at(0.1), p50Ms: at(0.5), p90Ms: at(0.9) }
}

const SEED = 1

function endsOf(parts: readonly Part[], rounds: number): number[] {
  const draws = new Draws(SEED)
  const ready = parts.map(({ graph, order, pieces }) => ({
    graph,
    nodes: [...order],
    takes: pieces.map(takingOf),
    ends: new Float64Array(graph.size),
  }))
  return Array.from({ length: rounds }, () => {
    let sum = 0
    for (const { graph, nodes, takes, ends } of ready) {
      let last = 0
      for (const node of nodes) {
        let fromMs = 0
        for (const need of needsOf(graph, node)) fromMs = Math.max(fromMs, ends[need] as number)
        const endMs = fromMs + (takes[node] as Taking)(draws)
        ends[node] = endMs
        last = Math.max(last, endMs)
      }
      sum += last
    }
    return sum
  })
}

type Taking = (draws: Draws) => number

function takingOf(piece: Piece): Taking {
  if (piece.kind === 'unknown') return () => 0
  if (piece.kind === 'fixed') return () => piece.ms
  const { range, items, atOnce, ranMs } = piece
  if (items === 0) return () => 0
  if (items === 1) {
    // What has run for so long is one of those that take at least that.
    const gone = ranMs > 0 ? shareBelow(range, ranMs) : 0
    return (draws) => Math.max(0, figureAt(range, gone + (1 - gone) * draws.next()) - ranMs)
  }
  const lanes = Math.max(1, Math.min(items, atOnce))
  const waves = Math.ceil(items / lanes)
  const drawn = Math.min(waves - 1, planLimits.wavesDrawnMax)
  return (draws) => {
    let before = 0
    for (let wave = 0; wave < drawn; wave++) before += figureAt(range, draws.next())
    const scaled = drawn === 0 ? 0 : (before * (waves - 1)) / drawn
    // The slowest of those that run beside each other at the end.
    return scaled + figureAt(range, draws.next() ** (1 / lanes))
  }
}
