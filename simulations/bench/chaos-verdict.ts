/** What is to be said of a bad day: what was done to the mesh, what it did, and whether it was right. */
import { checkerLimits } from '../checkers/limits.ts'
import { checkLinearizable } from '../checkers/linearizability.ts'
import type { Violation } from '../checkers/violation.ts'
import { itemsAt, type Notes } from './chaos-client.ts'
import type { Fault } from './chaos-schedule.ts'
import { digestsOf } from './ledger-mesh.ts'
import type { Mesh } from './mesh.ts'
import { type Figure, percentile } from './report.ts'

/** Without a committed write for so long, somebody would have noticed. */
const WINDOW_MIN_MS = 500
/** These are told one by one, to be held against the faults. */
const WINDOW_TOLD_MS = 3_000
const AGREE_DEADLINE_MS = 120_000
const LOOK_AGAIN_MS = 200

export interface Times {
  readonly beganMs: number
  readonly stoppedMs: number
  readonly healedMs: number
}

export async function judge(
  mesh: Mesh,
  doors: readonly string[],
  notes: Notes,
  faults: ReadonlyMap<Fault['kind'], number>,
  times: Times,
  say: (line: string) => void,
): Promise<Figure[]> {
  const agree = await untilAllAgree(mesh)
  const lost: Violation[] = []
  for (const door of doors) {
    const wrong = notes.acked.conclude(await itemsAt(door))
    if (wrong) lost.push(wrong)
  }
  const violations = [...notes.violations, ...lost]
  const verdict = checkLinearizable(notes.operations, { stepsMax: checkerLimits.searchStepsMax })
  for (const { checker, what, lines } of violations)
    for (const line of [`${checker}: ${what}`, ...lines.map((one) => `  ${one}`)]) say(line)
  if (verdict.kind === 'violation')
    for (const line of [`${verdict.key} is not linearizable:`, ...verdict.explanation]) say(line)
  if (verdict.kind === 'undecided') say(`the search at ${verdict.key} took too long`)
  return [
    ...counted(notes, faults),
    ...windows(notes.commitsMs, times, say),
    must('acknowledged writes lost, doubled or undone', violations.length),
    must('histories without a linear order', verdict.kind === 'violation' ? 1 : 0),
    must('histories not decided', verdict.kind === 'undecided' ? 1 : 0),
    must('agents whose state differs', agree ? 0 : 1),
  ]
}

function counted(notes: Notes, faults: ReadonlyMap<Fault['kind'], number>): Figure[] {
  const { done, refused, unknown } = notes.counts
  const acked = notes.acked.acknowledged
  return [
    { metric: 'operations answered', unit: '', value: done, goal: '> 0', holds: done > 0 },
    { metric: 'operations refused', unit: '', value: refused },
    { metric: 'operations with an unknown outcome', unit: '', value: unknown },
    {
      metric: 'numbered writes acknowledged',
      unit: '',
      value: acked,
      goal: '> 0',
      holds: acked > 0,
    },
    { metric: 'kills', unit: '', value: faults.get('kill') ?? 0 },
    { metric: 'pauses', unit: '', value: faults.get('pause') ?? 0 },
    { metric: 'partitions', unit: '', value: faults.get('cut') ?? 0 },
  ]
}

/** From one committed write to the next, by whatever client. */
function windows(
  commitsMs: readonly number[],
  times: Times,
  say: (line: string) => void,
): Figure[] {
  const during = commitsMs.filter((at) => at <= times.stoppedMs)
  const edges = [times.beganMs, ...during.sort((a, b) => a - b), times.stoppedMs]
  const gaps = edges.slice(1).map((at, i) => at - (edges[i] as number))
  const seconds = (at: number) => ((at - times.beganMs) / 1_000).toFixed(1).padStart(6)
  gaps.forEach((gap, i) => {
    const from = edges[i] as number
    if (gap >= WINDOW_TOLD_MS) say(`${seconds(from)} s  to ${seconds(from + gap)} s  no write`)
  })
  const long = gaps.filter((gap) => gap >= WINDOW_MIN_MS)
  const sum = long.reduce((total, gap) => total + gap, 0)
  const share = (sum / (times.stoppedMs - times.beganMs)) * 100
  const figures: Figure[] = [
    { metric: `times without a write for ${WINDOW_MIN_MS} ms`, unit: '', value: long.length },
    { metric: 'share of the time in those', unit: '%', value: share },
    { metric: 'the longest of them', unit: 'ms', value: Math.max(0, ...long) },
    { metric: 'after the last fault, until all was well', unit: 'ms', value: times.healedMs },
  ]
  if (long.length > 0)
    figures.push({ metric: 'the median of them', unit: 'ms', value: percentile(long, 0.5) })
  return figures
}

function must(metric: string, value: number): Figure {
  return { metric, unit: '', value, goal: '= 0', holds: value === 0 }
}

async function untilAllAgree(mesh: Mesh): Promise<boolean> {
  const deadlineMs = performance.now() + AGREE_DEADLINE_MS
  while (performance.now() < deadlineMs) {
    const seen = await digestsOf(mesh)
    const [first] = seen
    if (first !== undefined && seen.every((one) => one === first)) return true
    await mesh.rest(LOOK_AGAIN_MS)
  }
  return false
}
