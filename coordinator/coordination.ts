/**
 * What every agent brings along to coordinate with, whichever world it lives in: who votes, what
 * runs where, and what leaves the ledger. Each part works while its host leads.
 */
import type { Agent } from '../agent/agent.ts'
import type { ModuleSpec } from '../agent/modules/module.ts'
import type { Credential } from '../protocol/identity/credential.ts'
import { AuditDesk } from './audit/desk.ts'
import { auditModule } from './audit/module.ts'
import { autopilotModule } from './autopilot/autopilot.ts'
import { archivingModule } from './history/archiving.ts'
import { JoinDesk } from './joining/desk.ts'
import { IssuingKey } from './joining/issuing-key.ts'
import type { IssuingSeed } from './joining/wire.ts'
import { ModelDesk } from './learning/desk.ts'
import { Registry } from './learning/registry.ts'
import { RoundsDesk } from './learning/rounds/desk.ts'
import { balanced } from './placement/policies.ts'
import { WorkflowLibrary } from './runs/library.ts'
import { SchedulerOffice } from './scheduler/module.ts'
import { SecretKeeper } from './secrets/keeper.ts'

export interface Coordination {
  readonly library: WorkflowLibrary
  readonly office: SchedulerOffice
  /** Where acts and decisions are written down. */
  readonly audit: AuditDesk
  readonly secrets: SecretKeeper
  /** The key that makes certificates. */
  readonly issuing: IssuingKey
  readonly modules: readonly ModuleSpec[]
}

/** What lies in this host's data directory. */
export interface HostKeys {
  /** The key that makes certificates, on hosts that have one. */
  issuer: IssuingSeed | undefined
  /** Takes that key away from there. */
  forgetIssuer(): Promise<void>
  /** Puts a renewed certificate of this host there. */
  keep(credential: Credential): Promise<void>
}

/** Of hosts whose certificates do not end. */
const noKeys: HostKeys = {
  issuer: undefined,
  forgetIssuer: () => Promise.resolve(),
  keep: () => Promise.resolve(),
}

/**
 * `archiveAfterMs`: so long do runs that have ended stay in the ledger, as it is now.
 */
export function coordinationOf(
  agent: Agent,
  archiveAfterMs: () => number,
  keys: HostKeys = noKeys,
): Coordination {
  const library = new WorkflowLibrary()
  const office = new SchedulerOffice(agent, library, balanced)
  const audit = new AuditDesk(agent)
  const secrets = new SecretKeeper(agent, library)
  const issuing = new IssuingKey(agent, secrets.meshKey, keys.issuer, keys.forgetIssuer)
  const joining = new JoinDesk(agent, audit, issuing, keys.keep)
  const archiving = archivingModule({
    agent,
    afterMs: archiveAfterMs,
    awaited: () => office.scheduler?.doneAgain() ?? new Set(),
  })
  const registry = new Registry(agent)
  const modules = [
    auditModule(agent, audit),
    autopilotModule(agent, audit),
    office.module(),
    archiving,
    secrets.module(),
    joining.module(),
    new RoundsDesk(agent, registry).module(),
    new ModelDesk(agent, registry).module(),
  ]
  return { library, office, audit, secrets, issuing, modules }
}
