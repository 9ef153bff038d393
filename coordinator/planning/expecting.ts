/**
 * What is to be expected of a workflow: of each stage what it takes and how likely it succeeds, from
 * what attempts like it were; and of the whole, what follows from that. Where there is no ground
 * nothing is said.
 */
import type { Source } from '../../models/profiles/levels.ts'
import type { Estimate } from '../../models/profiles/pooling.ts'
import type { Tries } from '../../models/profiles/profiles.ts'
import type { Stage } from '../../protocol/workflow/model.ts'
import type { Part, Piece, Span } from './finishing.ts'
import { spanOf } from './finishing.ts'

export type TimeSource = 'declared' | Source

/** Of one attempt; of a stage with items, of one of them. */
export interface StageTime extends Span {
  /** `declared`: the workflow says so. */
  readonly source: TimeSource
  /** Attempts that speak for it. */
  readonly n?: number
  /** The version of the common model that has a part in it; without, history alone says so. */
  readonly by?: string
}

export interface Odds {
  readonly share: number
  /** It lies between these with nine chances in ten. */
  readonly low: number
  readonly high: number
}

export interface StageOdds extends Odds {
  readonly source: Source
  readonly n: number
  /** What speaks for it, the weightiest first. */
  readonly factors: readonly OddsFactor[]
}

export interface OddsFactor {
  /** `all` attempts, the newest, those of one `host` that fails more than others, or further `tries`. */
  readonly factor: 'all' | 'lately' | 'host' | 'tries'
  /** What it comes to by that alone. */
  readonly share: number
  readonly n: number
  readonly node?: string
}

export interface StageMemory {
  readonly p50Bytes: number
  readonly p90Bytes: number
  readonly source: Source
  readonly n: number
}

/** Of one stage, each as far as there is ground. */
export interface StageExpected {
  readonly time?: StageTime
  readonly odds?: StageOdds
  readonly memory?: StageMemory
}

export interface WholeExpected {
  /** From the start to the end, if nothing fails and nobody waits for room. */
  readonly time?: Span
  /** Stages of which no time is known: they count as nothing. */
  readonly untimed: readonly string[]
  /** That no stage fails. Absent where of some stage nothing is known. */
  readonly odds?: Odds
}

/** As a wait says of itself; undefined where only a run, or history, can tell. */
export function declared(ms: number): StageTime {
  return { p10Ms: ms, p50Ms: ms, p90Ms: ms, source: 'declared' }
}

export function expectedBy({ tookMs, success, peakMemoryBytes }: Estimate): StageExpected {
  return {
    ...(tookMs === undefined
      ? {}
      : {
          time: {
            p10Ms: Math.round(tookMs.p10),
            p50Ms: Math.round(tookMs.p50),
            p90Ms: Math.round(tookMs.p90),
            source: tookMs.source,
            n: tookMs.n,
            ...(tookMs.by === undefined ? {} : { by: tookMs.by }),
          },
        }),
    ...(success === undefined ? {} : { odds: oddsBy(success) }),
    ...(peakMemoryBytes === undefined
      ? {}
      : {
          memory: {
            p50Bytes: Math.round(peakMemoryBytes.p50),
            p90Bytes: Math.round(peakMemoryBytes.p90),
            source: peakMemoryBytes.source,
            n: peakMemoryBytes.n,
          },
        }),
  }
}

type Success = NonNullable<Estimate['success']>

function oddsBy({ share, low, high, n, source, all, lately, worst }: Success): StageOdds {
  const by = (factor: OddsFactor['factor'], { succeeded, tried }: Tries): OddsFactor => {
    return { factor, share: succeeded / Math.max(1, tried), n: tried }
  }
  const factors = [
    by('all', all),
    ...(lately === undefined ? [] : [by('lately', lately)]),
    ...(worst === undefined ? [] : [{ ...by('host', worst), node: worst.host }]),
  ]
  return { share, low, high, n, source, factors }
}

/** With what tries add: of a stage that is tried again. */
export function withTries(expected: StageExpected, { retry }: Stage): StageExpected {
  const { odds } = expected
  if (odds === undefined || retry.attempts < 2) return expected
  const { attempts } = retry
  const tries = { factor: 'tries' as const, share: atLast(odds.share, attempts), n: attempts }
  return { ...expected, odds: { ...odds, factors: [...odds.factors, tries] } }
}

export interface WholeQuestion {
  /** What runs by itself, section after section: `onFailure` is not of them. */
  readonly parts: readonly (Omit<Part, 'pieces'> & { readonly stages: readonly Stage[] })[]
  expectedOf(stage: Stage): StageExpected
  itemsOf(stage: Stage): number | undefined
  isSkipped(stage: Stage): boolean
}

export function wholeExpected(question: WholeQuestion): WholeExpected {
  const { parts, itemsOf, isSkipped } = question
  const stages = parts.flatMap((part) => part.stages)
  const pieceOf = (stage: Stage): Piece => {
    if (isSkipped(stage)) return { kind: 'fixed', ms: 0 }
    return pieceBefore(stage, question.expectedOf(stage).time, itemsOf(stage))
  }
  const time = spanOf(parts.map((part) => ({ ...part, pieces: part.stages.map(pieceOf) })))
  const untimed = stages.filter((stage) => pieceOf(stage).kind === 'unknown')
  const odds = oddsOfAll(
    stages.filter((stage) => !isSkipped(stage)),
    question,
  )
  return {
    untimed: untimed.map(({ name }) => name),
    ...(time === undefined ? {} : { time }),
    ...(odds === undefined ? {} : { odds }),
  }
}

/** Of a stage that has not begun. */
export function pieceBefore(
  stage: Stage,
  time: StageTime | undefined,
  items: number | undefined,
): Piece {
  if (time === undefined || (stage.forEach !== undefined && items === undefined)) {
    return { kind: 'unknown' }
  }
  if (time.source === 'declared') return { kind: 'fixed', ms: time.p50Ms }
  const { p10Ms: p10, p50Ms: p50, p90Ms: p90, n = 0 } = time
  const count = stage.forEach === undefined ? 1 : (items ?? 1)
  const atOnce = stage.forEach?.limit ?? count
  return { kind: 'drawn', range: { p10, p50, p90, n }, items: count, atOnce, ranMs: 0 }
}

/** What cannot fail: the leader does it, and asks nobody. */
const sure: ReadonlySet<string> = new Set(['wait', 'choose', 'signal'])

/**
 * That none of them fails for good, as if each try were for itself. What is not known of one stage is
 * not known by itself, so bounds lie apart as far as the root of the sum of squares says; of stages of
 * which the same attempts speak it is one and the same doubt, and adds up.
 */
function oddsOfAll(
  stages: readonly Stage[],
  { expectedOf, itemsOf }: Pick<WholeQuestion, 'expectedOf' | 'itemsOf'>,
): Odds | undefined {
  let share = 1
  /** By whose word: how far the bounds are from it, as logarithms. */
  const doubts = new Map<string, { down: number; up: number }>()
  for (const stage of stages) {
    // Its failure is no failure of the run; or nothing speaks against it.
    if (stage.optional || sure.has(stage.step.kind)) continue
    const { odds, time } = expectedOf(stage)
    if (odds === undefined && time?.source === 'declared') continue
    const items = stage.forEach === undefined ? 1 : itemsOf(stage)
    const rule = stage.forEach?.onFailure.rule
    if (odds === undefined || items === undefined || rule === 'quorum') return undefined
    if (stage.fallback !== undefined) return undefined
    const { attempts } = stage.retry
    share *= atLast(odds.share, attempts) ** items
    const word = `${odds.source} ${odds.n} ${odds.low} ${odds.share} ${odds.high}`
    const { down, up } = doubts.get(word) ?? { down: 0, up: 0 }
    const times = (from: number, to: number) =>
      items * (logOf(atLast(to, attempts)) - logOf(atLast(from, attempts)))
    doubts.set(word, {
      down: down + times(odds.low, odds.share),
      up: up + times(odds.share, odds.high),
    })
  }
  if (doubts.size === 0) return undefined
  const all = [...doubts.values()]
  const low = share * Math.exp(-Math.hypot(...all.map(({ down }) => down)))
  const high = Math.min(1, share * Math.exp(Math.hypot(...all.map(({ up }) => up))))
  return { share, low, high }
}

/** Of what never succeeds, too. */
function logOf(share: number): number {
  return Math.log(Math.max(share, 1e-9))
}

function atLast(share: number, attempts: number): number {
  return 1 - (1 - share) ** attempts
}
