/** Why stages are where they are, and how far they have come: what the leader has in mind. */
import type { Agent } from '../../agent/agent.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { viewRun } from '../history/finding.ts'
import { explanationDocument } from '../runs/documents.ts'
import type { Progress } from '../runs/watching.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteQuery } from './routes.ts'
import { type Answer, namesBy, type RunApiParts, runMeant } from './run-parts.ts'
import { alreadyOver } from './run-refusals.ts'
import type { Explanation } from './run-schemas.ts'

export class RunReasons {
  private readonly agent: Agent
  private readonly office: SchedulerOffice
  private readonly ask: RunApiParts['ask']
  private readonly nameOf: (node: string) => string

  constructor({ agent, office, ask }: RunApiParts) {
    this.agent = agent
    this.office = office
    this.ask = ask
    this.nameOf = namesBy(agent)
  }

  handlers(): Pick<Handlers, 'explainRun' | 'reasons'> {
    return {
      explainRun: (it) => this.explain(it),
      reasons: ({ query }) => this.ownReasons(query),
    }
  }

  /** How far running stages have come. */
  async progress(run: string, signal: AbortSignal): Promise<ReadonlyMap<string, Progress>> {
    try {
      const { stages } = await this.leadersReasons({ run }, signal)
      const own = stages.filter(
        ({ item, progress, note, late }) =>
          item === undefined && (progress ?? note ?? late) !== undefined,
      )
      return new Map(own.map(({ stage, ...said }) => [stage, said]))
    } catch (error) {
      // Between leaders nobody knows.
      if (error instanceof ApiRefusal) return new Map()
      throw error
    }
  }

  /** The leader alone knows what it has in mind. */
  private async explain({
    parameters,
    query,
    signal,
  }: Request<'explainRun'>): Answer<'explainRun'> {
    const run = await runMeant(this.agent, parameters.run, signal)
    const { state } = this.agent.ledger
    if (wholeRun(state, { run }) === undefined) {
      throw alreadyOver((await viewRun(this.agent, state, run)).head)
    }
    return this.leadersReasons({ ...query, run }, signal)
  }

  private async leadersReasons(
    asked: RouteQuery<'reasons'>,
    signal: AbortSignal,
  ): Promise<Explanation> {
    const { leader } = this.agent.ledger
    if (leader === undefined) {
      const why = 'nobody leads at the moment, so nothing is scheduled'
      throw new ApiRefusal('unreachable', why, 'skein health says why')
    }
    if (leader === this.agent.settings.signer.id) return this.ownReasons(asked)
    return this.ask(leader, 'reasons', { parameters: { node: 'self' }, query: asked }, signal)
  }

  private ownReasons({ run, stage }: { run: string; stage?: string | undefined }): Explanation {
    const scheduler = this.office.informed
    if (scheduler === undefined) {
      throw new ApiRefusal('conflict', 'this agent does not lead', 'ask again in a moment')
    }
    const explained = scheduler.explain(run, stage)
    if (explained !== undefined) {
      return explanationDocument(explained, this.nameOf)
    }
    const view = wholeRun(this.agent.ledger.state, { run })
    if (view !== undefined && isRunOver(view.head.state)) throw alreadyOver(view.head)
    throw new ApiRefusal('conflict', `run ${run} is not scheduled here yet`, 'ask again')
  }
}
