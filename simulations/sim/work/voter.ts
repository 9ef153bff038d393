/**
 * People who are asked for their approval: they look now and then for what waits for them, through
 * whichever agent is there, and vote; some twice, some against, some on what they have started
 * themselves, and some with another plan before their eyes. They go on until all runs have ended.
 */
import { read } from '../../../protocol/ledger/read.ts'
import { wholeRun } from '../../../protocol/ledger/read-run.ts'
import type { Result } from '../../../protocol/ledger/result.ts'
import type { RunView, UnitView } from '../../../protocol/ledger/work-view.ts'
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'
import { type Violation, violation } from '../../checkers/violation.ts'
import type { SimulatedMesh } from '../mesh.ts'
import { heardWithin, rest } from '../patience.ts'
import { peopleLimits } from './limits.ts'

export class Voters {
  private readonly mesh: SimulatedMesh
  private readonly entropy: Entropy
  private readonly judge: (found: Violation) => void
  private stopped = false

  constructor(mesh: SimulatedMesh, judge: (found: Violation) => void) {
    this.mesh = mesh
    this.entropy = mesh.world.entropy.stream('voters')
    this.judge = judge
  }

  stop(): void {
    this.stopped = true
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      await rest(this.mesh.world, peopleLimits.lookMs * (0.5 + this.entropy.unit()))
      const state = pick(this.entropy, this.mesh.reachable)?.agent.ledger.state
      if (state === undefined) continue
      const { value } = read(state, { kind: 'runIdList', prefix: '', unended: true })
      for (const run of value.items) {
        const view = wholeRun(state, { run })
        for (const unit of view?.units ?? []) {
          const asks = unit.state === 'waiting' && unit.waitsFor === 'approval'
          if (view && asks && this.entropy.unit() < 0.4) this.decide(view, unit)
        }
      }
    }
  }

  private decide(view: RunView, unit: UnitView): void {
    const by = `v${1 + below(this.entropy, peopleLimits.voters)}`
    const draw = this.entropy.unit()
    if (draw < 0.1) return void this.vote(view, unit, view.spec.by, true, view.spec.planHash)
    if (draw < 0.15) return void this.vote(view, unit, by, true, '0'.repeat(64))
    const approves = this.entropy.unit() < 0.92
    void this.vote(view, unit, by, approves, view.spec.planHash)
    // At the same time, through somebody else, and perhaps with another mind.
    if (draw < 0.3) void this.vote(view, unit, by, draw < 0.2, view.spec.planHash)
  }

  private async vote(
    { run, spec }: RunView,
    { stage, item }: UnitView,
    by: string,
    approves: boolean,
    planHash: string,
  ): Promise<void> {
    const agent = pick(this.entropy, this.mesh.reachable)?.agent
    if (!agent) return
    const { patienceMs, graceMs } = peopleLimits
    const value = { run, stage, by, approves, planHash, ...(item === undefined ? {} : { item }) }
    const answer = await heardWithin(
      this.mesh.world,
      patienceMs + graceMs,
      agent.ledger.append({ kind: 'runVote', value }, { timeoutMs: patienceMs }),
    )
    if (answer?.kind !== 'applied') return
    const { code }: Result = answer.result
    const isForeign = planHash !== spec.planHash
    if (code !== 'ok' || !(isForeign || by === spec.by)) return
    const why = isForeign ? 'saw another plan' : 'started the run'
    this.judge(
      violation('an approval counts once', `${by} ${why}, and has a vote on ${run}/${stage}`),
    )
  }
}
