/**
 * The tree of a run on a terminal, drawn over itself where it stands: what was above stays, and the
 * last picture stays behind when it is over.
 */
import type { Run, Stage } from '../api/run-schemas.ts'
import type { Io } from './io.ts'
import { type Expected, endText } from './run-expected.ts'
import { type RunTreeStage, runTree } from './run-tree.ts'
import { layoutOf, type RunTreeRow } from './run-tree-layout.ts'
import { begunMs, choiceOf, waitOf } from './stage-text.ts'

const REDRAW_MS = 200
const clearLine = '\x1b[K'
const clearBelow = '\x1b[J'
const up = (lines: number) => (lines > 0 ? `\x1b[${lines}A\r` : '\r')

export class Picture {
  private readonly io: Io
  private timer: NodeJS.Timeout | undefined
  private run: Run | undefined
  private expected: Expected | undefined
  private stages: readonly RunTreeStage[] = []
  private rows: readonly RunTreeRow[] = []
  /** Lines that are on the screen now. */
  private drawn = 0

  constructor(io: Io) {
    this.io = io
  }

  begin(): void {
    this.timer = setInterval(() => this.draw(), REDRAW_MS)
  }

  end(): void {
    clearInterval(this.timer)
    this.draw()
  }

  /** All stages of the run, in their order. */
  show(run: Run, stages: readonly Stage[], expected: Expected | undefined): void {
    // What needs what never changes; which stages there are may, for some are called when needed.
    if (stages.length !== this.stages.length) this.rows = layoutOf(stages)
    this.run = run
    this.expected = expected
    this.stages = stages.map(treeStage)
  }

  private draw(): void {
    const { io, run, stages, rows, expected } = this
    if (run === undefined) return
    const nowMs = Date.now()
    const view = { nowMs, linesMax: Math.max(2, io.rows() - 1) }
    const { id, name, state, startedMs, endedMs } = run
    const ended = endedMs === undefined ? {} : { endedMs }
    const isGoing = state === 'running' && expected !== undefined
    const end = isGoing ? { end: endText(expected, nowMs) } : {}
    const head = { run: id, workflow: name, state, startedMs, ...ended, ...end }
    const lines = runTree(head, stages, rows, view, io)
    io.out(`${up(this.drawn)}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`)
    this.drawn = lines.length
  }
}

function treeStage(stage: Stage): RunTreeStage {
  const { name, state, nodeName, attempt, changedMs, needs, items } = stage
  const isOver = ['succeeded', 'failed', 'skipped', 'cancelled'].includes(state)
  const startedMs = begunMs(stage)
  const note = stage.note ?? waitOf(stage) ?? choiceOf(stage)
  return {
    name,
    state: state === 'assigned' ? 'running' : state,
    attempt,
    needs,
    ...(nodeName === undefined ? {} : { node: nodeName }),
    ...(stage.rival === undefined ? {} : { rival: stage.rival.nodeName }),
    ...(startedMs === undefined || state === 'pending' ? {} : { startedMs }),
    ...(isOver && changedMs !== undefined ? { endedMs: changedMs } : {}),
    ...(stage.progress === undefined ? {} : { progress: stage.progress }),
    ...(stage.late === undefined ? {} : { lateMs: stage.late.usualMs }),
    ...(note === undefined ? {} : { note }),
    ...(items === undefined ? {} : { items: goingItems(items.states) }),
  }
}

/** What is on a host is told as running: that it has begun only the host knows. */
function goingItems({
  assigned,
  ...rest
}: Readonly<Record<string, number>>): NonNullable<RunTreeStage['items']> {
  return assigned === undefined ? rest : { ...rest, running: assigned }
}
