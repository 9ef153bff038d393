/**
 * After the healing, in a mesh that has nothing to do and equal wires: somebody does not hear the
 * leader for a while, and the leader stays; then the leader is lost, and another leads soon. What a
 * storm hides, since there anybody may be deposed for a good reason, shows here.
 */
import { type Entropy, pick } from '../../protocol/ports/entropy.ts'
import { mend, partition } from '../world/faults.ts'
import type { Host } from '../world/host.ts'
import type { LinkQuality } from '../world/wires.ts'
import { isFollowed, type Leader, soleLeader } from './leader.ts'
import { peaceLimits } from './limits.ts'
import type { SimulatedMesh } from './mesh.ts'
import type { Said } from './overseer.ts'
import { type Step, stuck } from './steps.ts'

/** Nothing is left to chance between the hosts: who is as quick as the other stays so. */
const equalWires: Partial<LinkQuality> = {
  latencyMs: 20,
  jitterMs: 0,
  tailShare: 0,
  loss: 0,
  duplicates: 0,
  reorders: 0,
}

export class Peace {
  private readonly mesh: SimulatedMesh
  private readonly say: (line: Said) => void
  private readonly entropy: Entropy
  private leader: Leader | undefined
  private untilMs = 0
  /** Ends what was done to the mesh last. */
  private undo: () => void = () => {}

  constructor(mesh: SimulatedMesh, say: (line: Said) => void) {
    this.mesh = mesh
    this.say = say
    this.entropy = mesh.world.entropy.stream('peace')
  }

  get steps(): readonly Step[] {
    return [this.quiet, this.unheard, this.back, this.lost, this.quiet]
  }

  private readonly quiet: Step = {
    limitMs: peaceLimits.quietMs,
    begin: () => {
      this.undo()
      const { hosts, wires } = this.mesh.world
      for (const from of hosts)
        for (const to of hosts) if (from !== to) wires.restore(from, to, equalWires)
    },
    done: () => {
      this.leader = soleLeader(this.mesh)
      return this.leader !== undefined
    },
    complaint: () => stuck(this.mesh, 'all follow one leader', 'nobody leads everybody'),
  }

  /** One voter hears nothing of the leader, but of all others, for longer than its patience. */
  private readonly unheard: Step = {
    limitMs: peaceLimits.unheardMs + 1,
    begin: () => {
      const { leader } = this
      const host = leader && pick(this.entropy, this.followersOf(leader))
      if (!leader || !host) return
      const { world } = this.mesh
      this.note(`${host.name} does not hear ${leader.host.name}`)
      world.wires.cut(leader.host, host)
      this.undo = () => world.wires.heal(leader.host, host)
      this.untilMs = world.nowMs + peaceLimits.unheardMs
    },
    done: () => this.stays(),
    complaint: () => this.deposed(),
  }

  private readonly back: Step = {
    limitMs: peaceLimits.backMs + 1,
    begin: () => {
      this.note('everybody hears everybody')
      this.undo()
      this.untilMs = this.mesh.world.nowMs + peaceLimits.backMs
    },
    done: () => this.stays(),
    complaint: () => this.deposed(),
  }

  private readonly lost: Step = {
    limitMs: peaceLimits.followedMs,
    begin: () => {
      const host = this.leader?.host
      if (!host) return
      if (this.entropy.unit() < 0.5) return this.cutOff(host)
      this.note(`${host.name} is killed`)
      host.crash('kill')
      this.undo = () => host.restart()
    },
    done: () => this.isFollowed && !this.leadsOn,
    complaint: () =>
      this.isFollowed
        ? stuck(this.mesh, 'who hears nobody leads no more', `${this.leader?.host.name} leads on`)
        : stuck(this.mesh, 'a lost leader is followed', 'nobody leads in its place'),
  }

  // ── What is the case ──────────────────────────────────────────────────────────────────────────

  private followersOf({ host, agent }: Leader): Host[] {
    const voters = agent.ledger.status()?.config.voters ?? []
    return this.mesh.world.hosts.filter(
      (other) => other !== host && voters.some(({ id }) => id === other.id),
    )
  }

  private stays(): boolean {
    const { leader } = this
    if (this.mesh.world.nowMs < this.untilMs || !leader) return false
    const { ledger } = leader.agent
    return ledger.leads && ledger.status()?.term === leader.term
  }

  private deposed() {
    const name = this.leader?.host.name ?? 'nobody'
    return stuck(this.mesh, 'a healthy leader stays', `${name}, whom a majority heard, was deposed`)
  }

  private get isFollowed(): boolean {
    return this.leader !== undefined && isFollowed(this.mesh, this.leader)
  }

  private get leadsOn(): boolean {
    const { leader } = this
    return leader?.host.state === 'up' && leader.agent.ledger.leads
  }

  // ── What is done ──────────────────────────────────────────────────────────────────────────────

  private cutOff(host: Host): void {
    const { world } = this.mesh
    const others = world.hosts.filter((other) => other !== host)
    this.note(`${host.name} is cut off`)
    partition(world, [host], others)
    this.undo = () => mend(world, [host], others)
  }

  private note(text: string): void {
    this.say({ atMs: this.mesh.world.nowMs, host: '', text })
  }
}
