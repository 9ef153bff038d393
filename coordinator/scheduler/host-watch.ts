/**
 * Who there is to work, as the scheduler is told: deaths, returns and what operators say at once,
 * since attempts wait for being tried elsewhere; load when something is to be placed, and seldom
 * otherwise.
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
  /** When it was looked last. */
  private lookedMs = Number.NEGATIVE_INFINITY
  private unfollow = () => {}

  constructor(agent: Agent, scheduler: Scheduler, around: Surroundings) {
    this.agent = agent
    this.scheduler = scheduler
    this.around = around
  }

  begin(): void {
    this.timer = this.agent.ports.clock.every(leadingLimits.hostsLookMs, () => {
      // What waits for a host may have one now. Where nothing waits, it is looked before it begins.
      const isDue = this.scheduler.waitsForHosts || this.ageMs >= leadingLimits.hostsSeldomMs
      if (isDue) this.look()
    })
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
    this.take()
    this.around.changed()
  }

  /** For who is about to choose among hosts: what is known of them is no older than a look's time. */
  freshen(): void {
    if (this.ageMs >= leadingLimits.hostsLookMs) this.take()
  }

  private get ageMs(): number {
    return this.agent.ports.clock.now() - this.lookedMs
  }

  private take(): void {
    const { agent, scheduler, told } = this
    this.lookedMs = agent.ports.clock.now()
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
