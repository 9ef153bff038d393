/** What `skein bench stages` asks of a mesh of real agents: many stages at once, and long chains. */

import { assert } from '../../protocol/assert.ts'
import { documentOf, type StageWork, workflowText } from '../workloads/shape.ts'
import { chain, fan } from '../workloads/shapes.ts'
import type { ChainsAsked } from './bullmq-chains.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { percentile } from './report.ts'
import { hopOf, rateOf } from './run-times.ts'

interface Flood {
  readonly name: string
  readonly work: StageWork
  readonly width: number
  readonly runsAtOnce: number
}

export const noops: Flood = { name: 'noops', work: 'none', width: 1_000, runsAtOnce: 16 }
const programs: Flood = { name: 'programs', work: ['/bin/true'], width: 200, runsAtOnce: 8 }

/** An agent that has just begun compiles for some ten seconds of work of a new kind. */
const WARM_UP_SECONDS = 12
const WARM_UP_CHAINS = 2
const LOOK_AGAIN_MS = 25
/** Whether a chain has ended is looked at seldom: hops beside a look are longer. */
const LOOK_AT_CHAIN_AGAIN_MS = 250
const END_DEADLINE_MS = 300_000

export class StagesMesh {
  private readonly mesh: Mesh
  private readonly runs: MeshRuns
  private readonly elsewhere: string
  private poured = 0

  private constructor(mesh: Mesh, runs: MeshRuns, elsewhere: string) {
    this.mesh = mesh
    this.runs = runs
    this.elsewhere = elsewhere
  }

  static async start(agents: number): Promise<StagesMesh> {
    const mesh = await Mesh.start(agents)
    try {
      const leader = await leaderOfAll(mesh)
      const elsewhere = mesh.nodes.find(({ name }) => name !== leader.name)?.name
      assert(elsewhere !== undefined, 'a mesh has more hosts than its leader')
      return new StagesMesh(mesh, new MeshRuns(mesh), elsewhere)
    } catch (error) {
      await mesh.stop()
      throw error
    }
  }

  stop(): Promise<void> {
    return this.mesh.stop()
  }

  /** Stages a second, as all that is measured here after a warm-up. */
  async noops(seconds: number): Promise<number> {
    await this.flooded(noops, WARM_UP_SECONDS)
    return this.flooded(noops, seconds)
  }

  /** To be measured any number of times, once it was warmed up. */
  async programs(): Promise<(seconds: number) => Promise<number>> {
    await this.flooded(programs, WARM_UP_SECONDS)
    return (seconds) => this.flooded(programs, seconds)
  }

  /** As stages without a wish of their own are placed. */
  hopMs(asked: ChainsAsked): Promise<number> {
    return this.hop('chain', undefined, asked)
  }

  /** Each assignment goes to another host than the leader's, and each result comes from there. */
  hopElsewhereMs(asked: ChainsAsked): Promise<number> {
    return this.hop('elsewhere', this.elsewhere, asked)
  }

  private async flooded(flood: Flood, seconds: number): Promise<number> {
    const { mesh, runs } = this
    const { name, width, work } = flood
    const workflow = await runs.publish(workflowText({ ...fan(width), name }, work))
    const group = `${name}-${++this.poured}`
    const untilMs = performance.now() + seconds * 1_000
    while (performance.now() < untilMs) {
      const going = (await runs.going(group)).length
      const more = Array.from({ length: flood.runsAtOnce - going })
      await Promise.all(more.map(() => runs.begin({ workflow, published: true, group })))
      await mesh.rest(LOOK_AGAIN_MS)
    }
    return rateOf(await runs.untilAllSucceeded(group, END_DEADLINE_MS), width).perSecond
  }

  /** One chain at a time. Of each the time of a hop; of all the median. */
  private async hop(name: string, host: string | undefined, asked: ChainsAsked): Promise<number> {
    const { runs } = this
    const workflow = await runs.publish(chainText(name, asked.links, host))
    const hops: number[] = []
    for (let i = 0; i < WARM_UP_CHAINS + asked.chains; i++) {
      const group = `${name}-${i}`
      const { id } = await runs.begin({ workflow, published: true, group })
      await runs.untilAllSucceeded(group, END_DEADLINE_MS, LOOK_AT_CHAIN_AGAIN_MS)
      if (i >= WARM_UP_CHAINS) hops.push(hopOf(await runs.detail(id)))
    }
    return percentile(hops, 0.5)
  }
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
