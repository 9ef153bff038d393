/** What all that answers questions about runs stands on. */
import type { Agent } from '../../agent/agent.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { findRun, readableWorkflow, viewRun } from '../history/finding.ts'
import { inFreshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { stageNamed } from '../runs/stage-named.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import type { Asked } from './calls.ts'
import type { RouteName, RouteResponse } from './routes.ts'

export type Answer<N extends RouteName> = Promise<RouteResponse<N>>

export interface RunApiParts {
  readonly agent: Agent
  readonly library: WorkflowLibrary
  readonly office: SchedulerOffice
  /** Asks another agent, by its id. */
  readonly ask: <N extends RouteName>(
    node: string,
    name: N,
    asked: Asked<N>,
    signal: AbortSignal,
  ) => Promise<RouteResponse<N>>
}

/** The run that a reference means. */
export function runMeant(agent: Agent, reference: string, signal: AbortSignal): Promise<string> {
  return inFreshState(agent, signal, (state) => findRun(agent, state, reference))
}

export function viewMeant(agent: Agent, reference: string, signal: AbortSignal): Promise<RunView> {
  return inFreshState(agent, signal, async (state) =>
    viewRun(agent, state, await findRun(agent, state, reference)),
  )
}

/** The workflow of a run, where it can be read, which has the stage that is asked for. */
export async function workflowWith(
  stage: string | undefined,
  { agent, library }: Pick<RunApiParts, 'agent' | 'library'>,
  { spec }: RunView,
): Promise<Workflow | undefined> {
  const workflow = await readableWorkflow(agent, library, agent.ledger.state, spec.workflow)
  if (stage !== undefined && workflow !== undefined) stageNamed(stage, workflow.stages)
  return workflow
}

export function namesBy(agent: Agent): (node: string) => string {
  return (node) => agent.membership.nameOf(node as PeerId)
}
