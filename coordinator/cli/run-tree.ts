/**
 * The stages of a run as lines for a terminal: their tree, what each is doing, for how long, where,
 * and how far it is. Pure: asked again whenever something has changed, it gives the whole picture,
 * never wider than the terminal and, where a height is given, never higher.
 */
import type { RunState, UnitState } from '../../protocol/work/states.ts'
import { age, bar, percent } from './figures.ts'
import { type Io, paint, type Style } from './io.ts'
import { folded, type Shown } from './run-tree-fold.ts'
import type { RunTreeRow } from './run-tree-layout.ts'
import { fit, plain, width } from './table.ts'

/** Of an assigned one that is known to have begun: `running`. */
export type RunTreeState = UnitState | 'pending' | 'running'

export interface RunTreeStage {
  readonly name: string
  readonly state: RunTreeState
  /** Where it runs, or ran last. */
  readonly node?: string
  /** Where a second attempt runs beside it. */
  readonly rival?: string
  /** From 1; 0 before the first. */
  readonly attempt: number
  readonly startedMs?: number
  readonly endedMs?: number
  /** 0 to 1. */
  readonly progress?: number
  /** What it says of itself, what it waits for, or why it failed. */
  readonly note?: string
  /** What such work takes, where this takes far longer. */
  readonly lateMs?: number
  readonly needs: readonly string[]
  /** Of a stage with `forEach`: how many of its items are in each state. */
  readonly items?: Readonly<Partial<Record<RunTreeState, number>>>
}

export interface RunTreeHead {
  readonly run: string
  readonly workflow: string
  readonly state: RunState
  readonly startedMs?: number
  readonly endedMs?: number
  /** When it is likely to end, in words. */
  readonly end?: string
}

export interface RunTreeView {
  readonly nowMs: number
  /** Of all that is given back. Infinity where there is no screen. */
  readonly linesMax: number
}

interface Look {
  readonly glyph: string
  readonly style: Style | undefined
}

const looks: Readonly<Record<RunTreeState, Look>> = {
  pending: { glyph: '○', style: 'dim' },
  waiting: { glyph: '◔', style: 'yellow' },
  open: { glyph: '●', style: 'cyan' },
  assigned: { glyph: '◍', style: 'cyan' },
  running: { glyph: '●', style: 'cyan' },
  succeeded: { glyph: '✔', style: 'green' },
  failed: { glyph: '✖', style: 'red' },
  skipped: { glyph: '–', style: 'dim' },
  cancelled: { glyph: '⊘', style: 'yellow' },
}

const runStyles: Readonly<Record<RunState, Style>> = {
  queued: 'dim',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
}

/** In counts, the order in which states are told. */
const told = Object.keys({
  failed: 0,
  running: 0,
  assigned: 0,
  open: 0,
  waiting: 0,
  cancelled: 0,
  succeeded: 0,
  skipped: 0,
  pending: 0,
} satisfies Record<RunTreeState, 0>) as readonly RunTreeState[]

const BAR_CELLS = 10
const NAME_CELLS_MIN = 16
const NODE_CELLS_MAX = 20
const GAP = '  '

/** `rows` are of `layoutOf` the same stages. */
export function runTree(
  head: RunTreeHead,
  stages: readonly RunTreeStage[],
  rows: readonly RunTreeRow[],
  { nowMs, linesMax }: RunTreeView,
  io: Io,
): string[] {
  const shown = folded(rows, stages, Math.max(1, linesMax - 1))
  const lines = shown.flatMap((each) => (each.kind === 'row' ? [each.row] : []))
  const cells = widthsOf(lines, stages, nowMs, io.columns())
  return [
    headLine(head, stages, nowMs, io),
    ...shown.map((each) => lineOf(each, stages, cells, nowMs, io)),
  ]
}

interface Cells {
  readonly name: number
  readonly time: number
  readonly node: number
}

/** The name gives way first, down to where it says no more; then the rest of a line is cut. */
function widthsOf(
  rows: readonly RunTreeRow[],
  stages: readonly RunTreeStage[],
  nowMs: number,
  columns: number,
): Cells {
  const most = (of: (stage: RunTreeStage, row: RunTreeRow) => string) =>
    rows.reduce((max, row) => Math.max(max, width(of(stages[row.stage]!, row))), 0)
  const time = most((stage) => timeOf(stage, nowMs))
  const node = Math.min(
    NODE_CELLS_MAX,
    most(({ node = '' }) => plain(node)),
  )
  const rest = most(detailOf)
  const wanted = most(({ name }, { prefix }) => `${prefix}● ${plain(name)}`)
  const others = [time, node, rest].reduce(
    (sum, each) => sum + (each > 0 ? each + GAP.length : 0),
    0,
  )
  const name = Math.min(wanted, Math.max(NAME_CELLS_MIN, columns - others), columns)
  return { name, time, node }
}

function lineOf(
  shown: Shown,
  stages: readonly RunTreeStage[],
  cells: Cells,
  nowMs: number,
  io: Io,
): string {
  const columns = io.columns()
  if (shown.kind === 'fold') return paint(io, 'dim', cut(`⋮ ${countsText(shown.counts)}`, columns))
  const { stage: place, prefix } = shown.row
  const stage = stages[place]!
  const { glyph, style } = looks[stage.state]
  if (width(prefix) + 3 > columns) return cut(`${prefix}${glyph} ${plain(stage.name)}`, columns)
  const name = fit(plain(stage.name), Math.max(1, cells.name - width(prefix) - 2))
  const mark = style === undefined ? glyph : paint(io, style, glyph)
  const columnsOf = [
    cells.time > 0 ? fit(timeOf(stage, nowMs), cells.time, true) : undefined,
    cells.node > 0 ? fit(plain(stage.node ?? ''), cells.node) : undefined,
    detailOf(stage),
  ]
  const rest = columnsOf
    .filter((each) => each !== undefined)
    .join(GAP)
    .trimEnd()
  const used = width(prefix) + 2 + width(name)
  const room = columns - used - GAP.length
  const tail = rest === '' || room <= 0 ? '' : GAP + cut(rest, room)
  const quiet = stage.state === 'pending' || stage.state === 'skipped'
  const words = `${name}${tail}`.trimEnd()
  return `${paint(io, 'dim', prefix)}${mark} ${quiet ? paint(io, 'dim', words) : words}`
}

function headLine(
  { run, workflow, state, startedMs, endedMs, end }: RunTreeHead,
  stages: readonly RunTreeStage[],
  nowMs: number,
  io: Io,
): string {
  const counts = new Map<RunTreeState, number>()
  for (const { state } of stages) counts.set(state, (counts.get(state) ?? 0) + 1)
  const time = startedMs === undefined ? [] : [age(Math.max(0, (endedMs ?? nowMs) - startedMs))]
  const before = `${plain(workflow)}${GAP}${plain(run)}${GAP}`
  const ends = end === undefined ? [] : [`ends ${end}`]
  const after = [...time, countsText(counts), ...ends].join(GAP)
  const room = io.columns() - width(before) - state.length
  if (room <= 0) return cut(`${before}${state}`, io.columns())
  const rest = room > GAP.length ? GAP + cut(after, room - GAP.length) : ''
  return `${paint(io, 'bold', before)}${paint(io, runStyles[state], state)}${rest}`
}

function timeOf({ state, startedMs, endedMs }: RunTreeStage, nowMs: number): string {
  if (startedMs === undefined || state === 'pending' || state === 'skipped') return ''
  return age(Math.max(0, (endedMs ?? nowMs) - startedMs))
}

function detailOf(stage: RunTreeStage): string {
  const { attempt, items, progress, note, state, lateMs, rival } = stage
  const counts = new Map(told.flatMap((each) => (items?.[each] ? [[each, items[each]]] : [])))
  const isGoing = state === 'running' || state === 'assigned' || state === 'open'
  const share = Math.max(0, Math.min(1, progress ?? 0))
  return [
    ...(attempt > 1 ? [`try ${attempt}`] : []),
    ...(items === undefined ? [] : [countsText(counts)]),
    ...(progress === undefined || !isGoing ? [] : [`${bar(share, BAR_CELLS)} ${percent(share)}`]),
    ...(lateMs === undefined || !isGoing ? [] : [`late: usually ${age(lateMs)}`]),
    ...(rival === undefined || !isGoing ? [] : [`raced on ${plain(rival)}`]),
    ...(note === undefined || note === '' ? [] : [plain(note)]),
  ].join(GAP)
}

/** `1 failed, 2 running, 40 of 120 succeeded`: how far all of them are. */
function countsText(counts: ReadonlyMap<RunTreeState, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return told
    .flatMap((state) => {
      const count = counts.get(state) ?? 0
      if (count === 0) return []
      return state === 'succeeded' && count < total
        ? [`${count} of ${total} succeeded`]
        : [`${count} ${state}`]
    })
    .join(', ')
}

/** To no more than so many cells. */
function cut(text: string, cells: number): string {
  return width(text) > cells ? fit(text, cells).trimEnd() : text
}
