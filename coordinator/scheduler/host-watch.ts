/**
 * Who there is to work, as the scheduler is told: facts and load now and then, deaths and returns at
 * once, since attempts wait for being tried elsewhere.
 */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { Timer } from '../../protocol/ports/clock.ts'
import { hostFacts, type NodeOrders } from '../placement/host-facts.ts'
import type { Scheduler } from './core/scheduler.ts'
import { leadingLimits } from './limits.ts'

export interface Surroundings {
  now(): number
  /** Something was told to the scheduler. */
  changed(): void
}

export class HostWatch {
  private readonly agent: Agent
  private readonly scheduler: Scheduler
  private readonly around: Surroundings
  /** Those that the scheduler was told of, and whether they were called lost. */
  private readonly told = new Map<string, boolean>()
  private timer: Timer | undefined
  private unfollow = () => {}

  constructor(agent: Agent, scheduler: Scheduler, around: Surroundings) {
    this.agent = agent
    this.scheduler = scheduler
    this.around = around
  }

  begin(): void {
    this.timer = this.agent.ports.clock.every(leadingLimits.hostsLookMs, () => this.look())
    this.unfollow = this.agent.journal.follow(({ kind }) => {
      if (kind.startsWith('node.')) this.look()
    })
    this.look()
  }

  end(): void {
    this.timer?.cancel()
    this.unfollow()
  }

  look(): void {
    const { agent, scheduler, told } = this
    const known = hostFacts(agent.membership.members(), ordersOf(agent))
    const facts = known.map((host) => {
      // Nothing is heard from it any more, and what it ran is tried elsewhere.
      if (agent.revokedPeer(host.id as PeerId)) return { ...host, state: 'left' as const }
      const reason = agent.estop.isAnyInForce
        ? agent.estop.stopOf({ labels: host.labels })
        : undefined
      // It is given nothing, as if it were drained.
      return reason === undefined ? host : { ...host, drained: { by: 'skein', reason } }
    })
    scheduler.hosts(facts)
    const here = new Set<string>()
    for (const { id, state } of facts) {
      here.add(id)
      const isLost = state === 'dead' || state === 'left'
      if (isLost && told.get(id) !== true) scheduler.lostHost(id, this.around.now())
      told.set(id, isLost)
    }
    for (const id of told.keys()) {
      if (here.has(id)) continue
      scheduler.removeHost(id)
      told.delete(id)
    }
    this.around.changed()
  }
}

function ordersOf(agent: Agent): NodeOrders[] {
  const orders: NodeOrders[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = read(agent.ledger.state, {
      kind: 'nodeList',
      ...(after === undefined ? {} : { after }),
    }).value
    orders.push(...page.items)
    after = page.next
  }
  return orders
}
