/** What `skein bench stages` asks of a mesh of real agents: many stages at once, and long chains. */

import { assert } from '../../protocol/assert.ts'
import { documentOf, type StageWork, workflowText } from '../workloads/shape.ts'
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
  /** As stages without a wish of their own are placed. */
  readonly hopMs: number
  /** Each assignment goes to another host than the leader's, and each result comes from there. */
  readonly hopElsewhereMs: number
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
/** Whether a chain has ended is looked at seldom: hops beside a look are longer. */
const LOOK_AT_CHAIN_AGAIN_MS = 250
const END_DEADLINE_MS = 300_000

export async function measureStages(asked: StagesAsked): Promise<StagesMeasured> {
  const mesh = await Mesh.start(asked.agents)
  try {
    const leader = await leaderOfAll(mesh)
    const elsewhere = mesh.nodes.find(({ name }) => name !== leader.name)?.name
    assert(elsewhere !== undefined, 'a mesh has more hosts than its leader')
    const runs = new MeshRuns(mesh)
    return {
      noops: await flooded(mesh, runs, noops, asked.seconds),
      hopMs: await hop(runs, 'chain', undefined, asked),
      hopElsewhereMs: await hop(runs, 'elsewhere', elsewhere, asked),
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
async function hop(
  runs: MeshRuns,
  name: string,
  host: string | undefined,
  { links, chains }: StagesAsked,
): Promise<number> {
  const workflow = await runs.publish(chainText(name, links, host))
  const hops: number[] = []
  for (let i = 0; i < WARM_UP_CHAINS + chains; i++) {
    const group = `${name}-${i}`
    const { id } = await runs.begin({ workflow, published: true, group })
    await runs.untilAllSucceeded(group, END_DEADLINE_MS, LOOK_AT_CHAIN_AGAIN_MS)
    if (i >= WARM_UP_CHAINS) hops.push(hopOf(await runs.detail(id)))
  }
  return percentile(hops, 0.5)
}

function chainText(name: string, links: number, host: string | undefined): string {
  const document = documentOf({ ...chain(links), name }, 'none')
  if (host === undefined) return JSON.stringify(document)
  const stages = Object.entries(document.stages).map(([stage, told]) => [
    stage,
    { ...told, where: { host } },
  ])
  return JSON.stringify({ ...document, stages: Object.fromEntries(stages) })
}
