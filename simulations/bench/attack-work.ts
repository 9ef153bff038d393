/** What a mesh carries through while it is attacked or not: stages a second, and the time of a hop. */
import { workflowText } from '../workloads/shape.ts'
import { chain, fan } from '../workloads/shapes.ts'
import { cpuMs } from './idle.ts'
import type { Mesh } from './mesh.ts'
import type { MeshRuns } from './mesh-runs.ts'
import { percentile } from './report.ts'
import { hopOf, rateOf } from './run-times.ts'

export interface Measured {
  /** No-op stages a second. */
  rate: number
  /** Of one stage after the other in a chain. */
  hopMs: number
  /** Of all agents, for each stage; where the machine is shared, this tells more than the clock. */
  cpuMs: number
}

const WIDTH = 1_000
const RUNS_AT_ONCE = 12
const LINKS = 50
const CHAINS = 3
const MEASURES = 4
const DEADLINE_MS = 120_000

export class AttackWork {
  private readonly mesh: Mesh
  private readonly runs: MeshRuns
  private readonly wide: string
  private readonly long: string
  private groups = 0

  private constructor(mesh: Mesh, runs: MeshRuns, wide: string, long: string) {
    this.mesh = mesh
    this.runs = runs
    this.wide = wide
    this.long = long
  }

  static async on(mesh: Mesh, runs: MeshRuns): Promise<AttackWork> {
    const wide = await runs.publish(workflowText(fan(WIDTH), 'none'))
    const long = await runs.publish(workflowText(chain(LINKS), 'none'))
    return new AttackWork(mesh, runs, wide, long)
  }

  /** The median of some: one lasts a second or two, in which the machine may do anything. */
  async measured(): Promise<Measured> {
    const all: Measured[] = []
    for (let i = 0; i < MEASURES; i++) all.push(await this.once())
    const median = (of: keyof Measured) =>
      percentile(
        all.map((one) => one[of]),
        0.5,
      )
    return { rate: median('rate'), hopMs: median('hopMs'), cpuMs: median('cpuMs') }
  }

  private async once(): Promise<Measured> {
    const before = this.usedMs()
    const group = `wide-${++this.groups}`
    const begun = { workflow: this.wide, published: true, group }
    await Promise.all(Array.from({ length: RUNS_AT_ONCE }, () => this.runs.begin(begun)))
    const ended = await this.runs.untilAllSucceeded(group, DEADLINE_MS)
    const used = this.usedMs() - before
    const { stages, perSecond } = rateOf(ended, WIDTH)
    return { rate: perSecond, hopMs: await this.hopMs(), cpuMs: used / stages }
  }

  private async hopMs(): Promise<number> {
    const hops: number[] = []
    for (let i = 0; i < CHAINS; i++) {
      const group = `long-${++this.groups}`
      const { id } = await this.runs.begin({ workflow: this.long, published: true, group })
      await this.runs.untilAllSucceeded(group, DEADLINE_MS)
      hops.push(hopOf(await this.runs.detail(id)))
    }
    return percentile(hops, 0.5)
  }

  private usedMs(): number {
    return this.mesh.nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0)
  }
}
