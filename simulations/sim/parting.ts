/**
 * The hour of a leader that goes: it has begun to remove itself from four voters, nobody has heard of
 * it, and it dies, and another voter with it. The two that are left decide nothing without its vote,
 * which its longer log forbids it to give; by that log they need none. So it has to stand once more,
 * for a mesh that it has no part in (§4.2.2).
 */
import { mend, partition } from '../world/faults.ts'
import type { Host } from '../world/host.ts'
import { isFollowed, type Leader, soleLeader } from './leader.ts'
import { partingLimits } from './limits.ts'
import type { SimulatedMesh } from './mesh.ts'
import type { Said } from './overseer.ts'
import { type Step, stuck } from './steps.ts'

const VOTERS = 4

export class Parting {
  private readonly mesh: SimulatedMesh
  private readonly say: (line: Said) => void
  private leader: Leader | undefined
  private untilMs = 0
  private dead: Host | undefined

  constructor(mesh: SimulatedMesh, say: (line: Said) => void) {
    this.mesh = mesh
    this.say = say
  }

  /** None where there are too few hosts for it. */
  get steps(): readonly Step[] {
    if (this.mesh.nodes.length <= VOTERS) return []
    return [this.fewer, this.going, this.gone, this.whole]
  }

  private readonly fewer: Step = {
    limitMs: partingLimits.fewerMs,
    begin: () => {
      this.untilMs = 0
    },
    done: () => {
      const { nowMs } = this.mesh.world
      if (nowMs < this.untilMs) return false
      this.untilMs = nowMs + partingLimits.askAgainMs
      this.leader = soleLeader(this.mesh)
      const ledger = this.leader?.agent.ledger
      const status = ledger?.status()
      if (!ledger || !status || status.commit < status.lastIndex) return false
      const { voters, outgoing, learners } = status.config
      if (outgoing.length > 0) return false
      if (voters.length === VOTERS) return this.remove(ledger.id)
      const spare = voters.find(({ id }) => id !== ledger.id)
      const rest = voters.filter((voter) => voter !== spare)
      if (voters.length > VOTERS) ledger.reconfigure({ voters: rest, learners }, status.configIndex)
      return false
    },
    complaint: () => stuck(this.mesh, 'who votes can be changed', `they never were ${VOTERS}`),
  }

  private readonly going: Step = {
    limitMs: partingLimits.writeMs + 1,
    begin: () => {
      this.untilMs = this.mesh.world.nowMs + partingLimits.writeMs
    },
    done: () => this.mesh.world.nowMs >= this.untilMs,
    complaint: () => stuck(this.mesh, 'time passes', 'nothing happens any more'),
  }

  private readonly gone: Step = {
    limitMs: partingLimits.goneMs,
    begin: () => {
      const { leader, mesh } = this
      if (!leader) return
      const { world } = mesh
      const others = world.hosts.filter((host) => host !== leader.host)
      const { voters = [] } = leader.agent.ledger.status()?.config ?? {}
      this.dead = others.find(({ id }) => voters.some((voter) => voter.id === id))
      this.note(`${leader.host.name} and ${this.dead?.name} are killed`)
      leader.host.crash('kill')
      this.dead?.crash('kill')
      mend(world, [leader.host], others)
      world.plan(partingLimits.restartMs, 'fault', `${leader.host.name} is started again`, () =>
        leader.host.restart(),
      )
    },
    done: () => this.leader !== undefined && isFollowed(this.mesh, this.leader),
    complaint: () =>
      stuck(
        this.mesh,
        'who has the log stands',
        `${this.leader?.host.name} holds what nobody else may lead without`,
      ),
  }

  private readonly whole: Step = {
    limitMs: partingLimits.wholeMs,
    begin: () => this.dead?.restart(),
    done: () => soleLeader(this.mesh) !== undefined,
    complaint: () => stuck(this.mesh, 'all follow one leader', 'nobody leads everybody'),
  }

  /** The leader asks to be removed, where nobody hears it. False when that cannot be asked now. */
  private remove(id: string): boolean {
    const { leader, mesh } = this
    const status = leader?.agent.ledger.status()
    if (!leader || !status) return false
    const { voters, learners } = status.config
    const target = { voters: voters.filter((voter) => voter.id !== id), learners }
    const others = mesh.world.hosts.filter((host) => host !== leader.host)
    partition(mesh.world, [leader.host], others)
    const asked = leader.agent.ledger.reconfigure(target, status.configIndex)
    if (asked?.ok) {
      this.note(`${leader.host.name} begins to remove itself, and is cut off`)
      return true
    }
    mend(mesh.world, [leader.host], others)
    return false
  }

  private note(text: string): void {
    this.say({ atMs: this.mesh.world.nowMs, host: '', text })
  }
}
