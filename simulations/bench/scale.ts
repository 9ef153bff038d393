/**
 * `skein bench scale`: stages that only wait, side by side. However many there are, together they
 * should take as long as one.
 */
import { workflowText } from '../workloads/shape.ts'
import { fan } from '../workloads/shapes.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, percentile, report } from './report.ts'
import { lengthMsOf } from './run-times.ts'

export interface ScaleOptions {
  max: string
  agents: string
  rounds: string
  json: boolean
}

const WIDTHS = [1, 2, 5, 10]
const STAGE_SECONDS = 3
const EFFICIENCY_GOAL = 0.95
const END_DEADLINE_MS = 60_000

export async function benchScale(options: ScaleOptions): Promise<number> {
  const max = Number(options.max)
  const widths = [...WIDTHS.filter((width) => width < max), max]
  const mesh = await Mesh.start(Number(options.agents))
  try {
    await leaderOfAll(mesh)
    const runs = new MeshRuns(mesh)
    await lengthOf(runs, 1, 'warm-up')
    const lengths = new Map(widths.map((width): [number, number[]] => [width, []]))
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const width of widths) {
        lengths.get(width)?.push(await lengthOf(runs, width, `${width}-${round}`))
      }
    }
    const medians = widths.map((width) => percentile(lengths.get(width) ?? [], 0.5))
    const figures = widths.map((width, i) =>
      figureOf(width, medians[i] as number, medians[0] as number),
    )
    const title = `scale, stages of ${STAGE_SECONDS} s on ${options.agents} agents, median of ${options.rounds} rounds`
    return report(title, figures, options.json)
  } finally {
    await mesh.stop()
  }
}

async function lengthOf(runs: MeshRuns, width: number, group: string): Promise<number> {
  const workflow = workflowText(fan(width, { seconds: STAGE_SECONDS }), 'sleep')
  await runs.begin({ workflow, group })
  const [run] = await runs.untilAllSucceeded(group, END_DEADLINE_MS)
  return lengthMsOf(run!)
}

function figureOf(width: number, lengthMs: number, oneMs: number): Figure {
  const efficiency = oneMs / lengthMs
  return {
    metric: `${width} at once take ${Math.round(lengthMs)} ms: efficiency`,
    unit: '',
    value: efficiency,
    ...(width === 1 ? {} : { goal: `>= ${EFFICIENCY_GOAL}`, holds: efficiency >= EFFICIENCY_GOAL }),
  }
}
