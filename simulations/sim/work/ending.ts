/**
 * What a mesh that works has to come to once the faults have ended: every run ends, and then nothing
 * of any is left on any host. Whatever is not over is named, with what it waits for.
 */
import { read } from '../../../protocol/ledger/read.ts'
import { wholeRun } from '../../../protocol/ledger/read-run.ts'
import { isUnitOver } from '../../../protocol/work/states.ts'
import type { Violation } from '../../checkers/violation.ts'
import type { SimulatedAgent, SimulatedMesh } from '../mesh.ts'
import { rest } from '../patience.ts'
import { type Step, stuck } from '../steps.ts'
import { workSimLimits } from './limits.ts'
import type { WorkWitness } from './witness.ts'

const AGAIN_MS = 500

export class Ending {
  private readonly mesh: SimulatedMesh
  private readonly witness: WorkWitness

  private readonly judge: (found: Violation | undefined) => void
  /** Runs that have left the ledger, and that nobody has found yet. */
  private readonly missing = new Set<string>()

  constructor(
    mesh: SimulatedMesh,
    witness: WorkWitness,
    judge: (found: Violation | undefined) => void,
  ) {
    this.mesh = mesh
    this.witness = witness
    this.judge = judge
  }

  readonly runs: Step = {
    limitMs: workSimLimits.endMs,
    begin: () => {},
    done: () => this.witness.runs.openCount === 0,
    complaint: () => {
      const open = this.witness.runs.open.map((run) => this.textOf(run))
      const failure = stuck(this.mesh, 'every run ends', `${open.length} runs go on and on`)
      return { ...failure, lines: [...open, ...failure.lines] }
    },
  }

  readonly hosts: Step = {
    limitMs: workSimLimits.quietMs,
    begin: () => {},
    done: () => this.mesh.nodes.every((node) => this.rests(node)),
    complaint: () => {
      const busy = this.mesh.nodes.filter((node) => !this.rests(node))
      const lines = busy.map(({ host, agent }) => {
        const { running, waiting, uncommitted } = agent?.work ?? {}
        const left = this.witness.left(host).map(({ attempt }) => attempt)
        return `${host.name} ${host.state}: ${running} run, ${waiting} wait, ${uncommitted} uncommitted, alive: ${left.join(', ')}`
      })
      const what = 'all runs are over, and hosts hold on to attempts'
      const atMs = this.mesh.world.nowMs
      return { kind: 'liveness', checker: 'what is over is gone', what, lines, atMs }
    },
  }

  /** What the ledger does not hold any more is found through every agent. */
  readonly kept: Step = {
    limitMs: workSimLimits.foundMs,
    begin: () => {
      const { remembered, state } = this.witness
      for (const run of remembered.runs) {
        const [first] = read(state, { kind: 'runIdList', prefix: run, limit: 1 }).value.items
        if (first !== run) this.missing.add(run)
      }
      let agent = 0
      for (const run of this.missing) void this.find(run, agent++)
    },
    done: () => this.missing.size === 0,
    complaint: () => {
      const lines = [...this.missing].map((run) => `run ${run}`)
      const what = `${lines.length} runs have left the ledger, and no agent finds them`
      const atMs = this.mesh.world.nowMs
      return { kind: 'safety', checker: 'no run disappears', what, lines, atMs }
    },
  }

  private async find(run: string, through: number): Promise<void> {
    const { nodes, world } = this.mesh
    for (let at = through; this.missing.has(run); at++) {
      const { agent } = nodes[at % nodes.length]!
      const view = await agent?.history.run(run)
      if (view === undefined) {
        await rest(world, AGAIN_MS)
        continue
      }
      this.missing.delete(run)
      this.judge(this.witness.remembered.compare(view))
    }
  }

  private rests({ host, agent }: SimulatedAgent): boolean {
    if (host.state !== 'up' || !agent) return false
    const { running, waiting, uncommitted } = agent.work
    return running + waiting + uncommitted === 0 && this.witness.left(host).length === 0
  }

  private textOf(run: string): string {
    const { state } = this.witness
    const view = wholeRun(state, { run })
    if (!view) return `run ${run} is gone`
    const units = view.units
      .filter(({ state }) => !isUnitOver(state))
      .map(({ stage, item, state, waitsFor, node, attempt, detail }) => {
        const name = item === undefined ? stage : `${stage}/${item}`
        return [name, state, waitsFor, node && `#${attempt} at ${node}`, detail]
          .filter(Boolean)
          .join(' ')
      })
    const named = read(state, { kind: 'runGet', run, limit: 1 }).value?.head
    return `run ${run} of ${named?.name} ${named?.state}, stop ${named?.stop}: ${units.join('; ') || 'no unit is open'}`
  }
}
