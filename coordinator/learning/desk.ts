/**
 * Looks after versions of the common model, as whoever leads: from what hosts say of them it moves
 * them on, rejects them or takes them back (`models/registry/promoting.ts` decides), and does what
 * people wish. What hosts said is kept in memory only: a new leader asks anew.
 */
import type { Agent } from '../../agent/agent.ts'
import { tellingLimits } from '../../agent/learning/limits.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { type Decision, decided, type Reports } from '../../models/registry/promoting.ts'
import type { Standing } from '../../models/registry/standing.ts'
import { isOnTrial, type RegistryView } from '../../models/registry/versions.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import { lookAfter } from '../looking-after.ts'
import { learningLimits } from './limits.ts'
import type { Moved, Registry } from './registry.ts'
import { type RollbackWish, rollbackWishIn } from './wishes.ts'

export class ModelDesk {
  readonly #agent: Agent
  readonly #registry: Registry
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(agent: Agent, registry: Registry) {
    this.#agent = agent
    this.#registry = registry
  }

  module(): ModuleSpec {
    let candidacy: Candidacy | undefined
    return {
      name: 'models',
      priority: 6,
      needs: ['ledger', 'learning'],
      start: () => {
        candidacy = this.#agent.ledger.lead((turn) => this.#lead(turn))
      },
      stop: () => candidacy?.withdraw(),
    }
  }

  #lead(turn: Leadership): void {
    const { clock, log } = this.#agent.ports
    this.#askedMs = Number.NEGATIVE_INFINITY
    lookAfter({ clock, log: log.child('learning') }, turn, {
      what: 'versions of models',
      everyMs: learningLimits.lookMs,
      look: (over) => this.#look(over),
    })
  }

  async #look(over: AbortSignal): Promise<void> {
    const view = this.#registry.view()
    const wish = rollbackWishIn(this.#agent.ledger.state)
    if (wish !== undefined) return this.#grant(wish)
    if (!this.#isDue(view)) return
    this.#askedMs = this.#agent.ports.clock.now()
    const told = await this.#agent.learning.advising.gathered()
    if (over.aborted || !this.#areHeard(told.length)) return
    const decision = decided(this.#registry.view(), reportsOf(told))
    if (decision !== undefined) this.#told(await this.#does(decision))
  }

  /** Hosts are asked often while something is on trial, and now and then of what is active. */
  #isDue({ active, versions }: RegistryView): boolean {
    const isTrial = versions.some(isOnTrial)
    if (!isTrial && active === undefined) return false
    const { trialMs, activeMs } = learningLimits
    return this.#agent.ports.clock.now() - this.#askedMs >= (isTrial ? trialMs : activeMs)
  }

  /** Those few who happen to answer do not decide for the others: more than half have to. */
  #areHeard(told: number): boolean {
    const { membership } = this.#agent
    const here = membership.members().filter(({ self, state }) => self || state === 'alive').length
    return 2 * told > Math.min(here, tellingLimits.hostsMax)
  }

  #does(decision: Decision): Promise<Moved> {
    if (decision.kind === 'rollBack') return this.#registry.rollBack(undefined, decision.why)
    return this.#registry.move(decision.hash, decision.to, decision.why)
  }

  async #grant(wish: RollbackWish): Promise<void> {
    this.#told(await this.#registry.rollBackFor(wish, `${wish.by}: ${wish.reason}`))
  }

  #told(moved: Moved): void {
    if (moved.ok) return
    this.#agent.ports.log.child('learning').info('the registry stays as it is', { why: moved.why })
  }
}

interface Host {
  readonly id: string
  readonly standings: readonly (Standing & { readonly hash: string })[]
}

/** By version, what each host says of it: one voice each, the first that is heard. */
export function reportsOf(hosts: readonly Host[]): Reports {
  const voices = new Map<string, Map<string, Standing>>()
  for (const { id, standings } of hosts) {
    for (const { hash, ...standing } of standings) {
      const byHost = voices.get(hash) ?? new Map<string, Standing>()
      if (!byHost.has(id)) byHost.set(id, standing)
      voices.set(hash, byHost)
    }
  }
  return new Map([...voices].map(([hash, byHost]) => [hash, [...byHost.values()]]))
}
