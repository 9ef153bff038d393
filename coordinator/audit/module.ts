/**
 * The audit log as a part of every agent: it hands in what waits on this disk, and has each host that
 * begins to lead say so, with who votes then.
 */
import type { Agent } from '../../agent/agent.ts'
import type { ModuleSpec } from '../../agent/modules/module.ts'
import { termText } from '../../protocol/consensus/era.ts'
import type { Candidacy, Leadership } from '../../protocol/ledger/ledger.ts'
import type { AuditDesk } from './desk.ts'

export function auditModule(agent: Agent, desk: AuditDesk): ModuleSpec {
  let candidacy: Candidacy | undefined
  return {
    name: 'audit',
    priority: 6,
    needs: ['ledger'],
    start: async () => {
      await desk.start()
      candidacy = agent.ledger.lead((turn) => void desk.record(leads(agent, turn)))
    },
    stop: () => {
      candidacy?.withdraw()
      desk.stop()
    },
  }
}

function leads(agent: Agent, { term }: Leadership) {
  const voters = agent.ledger.config?.voters ?? []
  return {
    ...byHost(agent),
    verb: 'ledger.lead',
    object: `term ${termText(term)}`,
    outcome: 'ok',
    detail: `voters: ${voters.map(({ id }) => agent.membership.nameOf(id)).join(', ')}`,
  }
}

/** What a host decides by itself is written under its id; its name is for people. */
export function byHost(agent: Agent): { actor: string; from: string } {
  return { actor: agent.id, from: agent.settings.name }
}
