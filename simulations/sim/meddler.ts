/**
 * An operator who will not leave a mesh alone: asks leaders to hand over, and changes who votes,
 * behind the back of the autopilot and at the worst moments. Never to fewer than three voters: with
 * two, the loss of one disk is more than a mesh can survive.
 */
import type { LedgerService } from '../../agent/ledger/service.ts'
import type { Member } from '../../protocol/consensus/messages.ts'
import { below, type Entropy, pick, shuffle } from '../../protocol/ports/entropy.ts'
import type { Fault } from './fault.ts'
import type { SimulatedMesh } from './mesh.ts'

type Meddling = Extract<Fault, { kind: 'meddling' }>

const VOTERS_MIN = 3

export class Meddler {
  private readonly mesh: SimulatedMesh
  private readonly entropy: Entropy
  private readonly under = new Set<Meddling>()

  constructor(mesh: SimulatedMesh) {
    this.mesh = mesh
    this.entropy = mesh.world.entropy.stream('meddler')
  }

  begin(fault: Meddling): void {
    this.under.add(fault)
    this.again(fault)
  }

  end(fault: Meddling): void {
    this.under.delete(fault)
  }

  /** At everyone who takes itself for the leader. */
  meddle(what: Meddling['what']): void {
    for (const { host, agent } of this.mesh.reachable) {
      if (host.state !== 'up' || !agent.ledger.leads) continue
      if (what === 'transfer') this.transfer(agent.ledger)
      else this.change(agent.ledger)
    }
  }

  private again(fault: Meddling): void {
    const { world } = this.mesh
    const inMs = fault.everyMs * (0.3 + 1.4 * this.entropy.unit())
    world.plan(inMs, 'fault', `${fault.what} is asked for`, () => {
      if (!this.under.has(fault)) return
      this.meddle(fault.what)
      this.again(fault)
    })
  }

  private transfer(ledger: LedgerService): void {
    const status = ledger.status()
    const heir = pick(
      this.entropy,
      status?.config.voters.filter(({ id }) => id !== ledger.id) ?? [],
    )
    if (heir) ledger.transfer(heir.id)
  }

  private change(ledger: LedgerService): void {
    for (let times = this.entropy.unit() < 0.3 ? 2 : 1; times > 0; times--) {
      const status = ledger.status()
      if (!status) return
      const { voters, learners } = status.config
      const pool = shuffle(this.entropy, [...voters, ...learners])
      if (pool.length < VOTERS_MIN) return
      const count = VOTERS_MIN + below(this.entropy, pool.length - VOTERS_MIN + 1)
      const target = { voters: pool.slice(0, count), learners: pool.slice(count) }
      ledger.reconfigure(this.oneStep(voters, target), status.configIndex)
    }
  }

  /** Often one voter only comes or goes: then no joint configuration is needed. */
  private oneStep(
    voters: readonly Member[],
    target: { voters: Member[]; learners: Member[] },
  ): { voters: readonly Member[]; learners: readonly Member[] } {
    if (this.entropy.unit() < 0.5) return target
    const comes = target.voters.find(({ id }) => !voters.some((voter) => voter.id === id))
    if (comes) {
      const learners = [...target.learners].filter(
        ({ id }) => !voters.some((voter) => voter.id === id),
      )
      return { voters: [...voters, comes], learners }
    }
    const goes = voters.find(({ id }) => !target.voters.some((voter) => voter.id === id))
    if (!goes || voters.length <= VOTERS_MIN) return target
    const learners = target.learners.filter(
      ({ id }) => id === goes.id || !voters.some((voter) => voter.id === id),
    )
    return { voters: voters.filter((voter) => voter !== goes), learners }
  }
}
