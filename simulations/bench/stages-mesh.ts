/** What `skein bench stages` asks of a mesh of real agents: many stages at once, and long chains. */

import { type StageWork, workflowText } from '../workloads/shape.ts'
import { chain, fan } from '../workloads/shapes.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { percentile } from './report.ts'
import { type Counted, hopOf, rateOf } from './run-times.ts'

export interface StagesAsked {
  readonly agents: number
  readonly seconds: number
  readonly links: number
  readonly chains: number
}

export interface StagesMeasured {
  readonly noops: Counted
  readonly programs: Counted
  readonly hopMs: number
}

interface Flood {
  readonly name: string
  readonly work: StageWork
  readonly width: number
  readonly runsAtOnce: number
}

export const noops: Flood = { name: 'noops', work: 'none', width: 1_000, runsAtOnce: 16 }
const programs: Flood = { name: 'programs', work: ['/bin/true'], width: 200, runsAtOnce: 8 }

const WARM_UP_SHARE = 0.5
const WARM_UP_CHAINS = 2
const LOOK_AGAIN_MS = 25
const END_DEADLINE_MS = 300_000

export async function measureStages(asked: StagesAsked): Promise<StagesMeasured> {
  const mesh = await Mesh.start(asked.agents)
  try {
    await leaderOfAll(mesh)
    const runs = new MeshRuns(mesh)
    return {
      noops: await flooded(mesh, runs, noops, asked.seconds),
      hopMs: await hop(runs, asked),
      programs: await flooded(mesh, runs, programs, asked.seconds),
    }
  } finally {
    await mesh.stop()
  }
}

async function flooded(mesh: Mesh, runs: MeshRuns, flood: Flood, seconds: number) {
  const { name, width, work } = flood
  const workflow = await runs.publish(workflowText({ ...fan(width), name }, work))
  const pour = async (group: string, forMs: number) => {
    const untilMs = performance.now() + forMs
    while (performance.now() < untilMs) {
      const going = (await runs.going(group)).length
      const more = Array.from({ length: flood.runsAtOnce - going })
      await Promise.all(more.map(() => runs.begin({ workflow, published: true, group })))
      await mesh.rest(LOOK_AGAIN_MS)
    }
    return runs.untilAllSucceeded(group, END_DEADLINE_MS)
  }
  await pour(`${name}-warm-up`, seconds * 1_000 * WARM_UP_SHARE)
  return rateOf(await pour(name, seconds * 1_000), width)
}

/** One chain at a time. Of each the time of a hop; of all the median. */
async function hop(runs: MeshRuns, { links, chains }: StagesAsked): Promise<number> {
  const workflow = await runs.publish(workflowText(chain(links), 'none'))
  const hops: number[] = []
  for (let i = 0; i < WARM_UP_CHAINS + chains; i++) {
    const group = `chain-${i}`
    const { id } = await runs.begin({ workflow, published: true, group })
    await runs.untilAllSucceeded(group, END_DEADLINE_MS)
    if (i >= WARM_UP_CHAINS) hops.push(hopOf(await runs.detail(id)))
  }
  return percentile(hops, 0.5)
}
