/**
 * Work beside which `federate.ts` has hosts learn: as much as the mesh takes, or at a pace, whatever
 * else the mesh does: then what is late waits, and is seen to.
 */
import type { Run } from '../../coordinator/api/run-schemas.ts'
import { workflowText } from '../workloads/shape.ts'
import { fan } from '../workloads/shapes.ts'
import type { Mesh } from './mesh.ts'
import type { MeshRuns } from './mesh-runs.ts'
import { rateOf, type StageTimes, stageTimesOf } from './run-times.ts'

export interface Worked {
  /** From the first run that began until the last had ended. */
  readonly perSecond: number
  /** Of each stage that was paced. */
  readonly stages: readonly StageTimes[]
}

/** Stages of one run: many where as much is to be done as can be, few where each is to begin in its time. */
const FLOOD = { name: 'flood', width: 200 }
const PACED = { name: 'paced', width: 10 }
const RUNS_AT_ONCE = 4
const LOOK_MS = 25
const END_DEADLINE_MS = 300_000

export class FederateWork {
  readonly #mesh: Mesh
  readonly #runs: MeshRuns
  #groups = 0

  constructor(mesh: Mesh, runs: MeshRuns) {
    this.#mesh = mesh
    this.#runs = runs
  }

  async publish(): Promise<void> {
    for (const { name, width } of [FLOOD, PACED]) {
      await this.#runs.publish(workflowText({ ...fan(width), name }, ['/bin/true']))
    }
  }

  /** As many as the mesh takes, until then; and waits until all have ended. */
  async flooded(untilMs: number): Promise<Run[]> {
    const group = this.#nextGroup()
    while (performance.now() < untilMs) {
      const going = (await this.#runs.going(group)).length
      const more = Array.from({ length: RUNS_AT_ONCE - going })
      await Promise.all(more.map(() => this.#begin(FLOOD.name, group)))
      await this.#mesh.rest(LOOK_MS)
    }
    return this.#runs.untilAllSucceeded(group, END_DEADLINE_MS)
  }

  /** So many stages a second: each run begins in its time, whatever became of those before. */
  async paced(forMs: number, stagesPerSecond: number): Promise<Run[]> {
    const group = this.#nextGroup()
    const everyMs = (1_000 * PACED.width) / stagesPerSecond
    const begins = Array.from({ length: Math.floor(forMs / everyMs) }, async (_, i) => {
      await this.#mesh.rest(i * everyMs)
      await this.#begin(PACED.name, group)
    })
    await Promise.all(begins)
    return this.#runs.untilAllSucceeded(group, END_DEADLINE_MS)
  }

  floodTold(runs: readonly Run[]): Worked {
    return { perSecond: rateOf(runs, FLOOD.width).perSecond, stages: [] }
  }

  /** To be asked when what was measured is over: it asks for each run. */
  async pacedTold(runs: readonly Run[]): Promise<Worked> {
    const stages: StageTimes[] = []
    for (const { id } of runs) stages.push(...stageTimesOf(await this.#runs.detail(id)))
    return { perSecond: rateOf(runs, PACED.width).perSecond, stages }
  }

  async #begin(workflow: string, group: string): Promise<void> {
    await this.#runs.begin({ workflow, published: true, group })
  }

  #nextGroup(): string {
    return `work-${this.#groups++}`
  }
}
