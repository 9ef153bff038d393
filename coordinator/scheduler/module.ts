/** The scheduler as a part of every agent: it works while its host leads. */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import type { PlacementPolicy } from '../placement/policy.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import type { Scheduler } from './core/scheduler.ts'
import { Leading } from './leading.ts'
import { leadingLimits } from './limits.ts'

/** Who leads here now, for those who ask why a run is where it is. */
export class SchedulerOffice {
  private readonly agent: Agent
  private readonly library: WorkflowLibrary
  private readonly policy: PlacementPolicy
  private candidacy: Candidacy | undefined
  private leading: Leading | undefined

  constructor(agent: Agent, library: WorkflowLibrary, policy: PlacementPolicy) {
    this.agent = agent
    this.library = library
    this.policy = policy
  }

  /** Undefined on a host that does not lead. */
  get scheduler(): Scheduler | undefined {
    return this.leading?.scheduler
  }

  /** The same, told of hosts as they are now. */
  get informed(): Scheduler | undefined {
    this.leading?.inform()
    return this.scheduler
  }

  module(): ModuleSpec {
    return {
      name: 'scheduler',
      priority: 4,
      needs: ['ledger', 'work'],
      start: () => {
        this.candidacy = this.agent.ledger.lead((leadership) => this.lead(leadership))
      },
      stop: () => {
        this.candidacy?.withdraw()
        this.leading?.end()
        this.leading = undefined
      },
    }
  }

  private lead(leadership: Leadership): void {
    const { agent, library, policy } = this
    const log = agent.ports.log.child('scheduler')
    const leading = new Leading({ agent, leadership, library, policy, log })
    this.leading = leading
    leadership.over.addEventListener(
      'abort',
      () => {
        if (this.leading === leading) this.leading = undefined
      },
      { once: true },
    )
    log.info('scheduling', { term: leadership.term })
    leading.begin((why) => {
      log.warn('scheduling begins anew', { why })
      agent.ports.clock.after(leadingLimits.restartMs, () => {
        if (this.leading === leading && leadership.holds()) this.lead(leadership)
      })
    })
  }
}
