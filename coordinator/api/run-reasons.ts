/** Why stages are where they are, and how far they have come: what the leader has in mind. */
import type { Agent } from '../../agent/agent.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import { isRunOver, isUnitOver } from '../../protocol/work/states.ts'
import { explanationDocument } from '../runs/documents.ts'
import { endedExplanation } from '../runs/ended.ts'
import type { Progress } from '../runs/watching.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteQuery } from './routes.ts'
import { type Answer, namesBy, type RunApiParts, viewMeant, workflowWith } from './run-parts.ts'
import type { Explanation } from './run-schemas.ts'

type Reasons = Pick<RouteQuery<'reasons'>, 'run' | 'stage'>

export class RunReasons {
  private readonly parts: RunApiParts
  private readonly agent: Agent
  private readonly office: SchedulerOffice
  private readonly ask: RunApiParts['ask']
  private readonly nameOf: (node: string) => string

  constructor(parts: RunApiParts) {
    const { agent, office, ask } = parts
    this.parts = parts
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
        ({ item, progress, note, late, stuck }) =>
          item === undefined && (progress ?? note ?? late ?? stuck) !== undefined,
      )
      return new Map(
        own.map(({ stage, progress, note, late, stuck, why }) => [
          stage,
          { progress, note, late, stuck: stuck && why },
        ]),
      )
    } catch (error) {
      // Between leaders nobody knows.
      if (error instanceof ApiRefusal) return new Map()
      throw error
    }
  }

  /** The leader alone knows what it has in mind; of what is over, everybody knows as much. */
  private async explain({
    parameters,
    query: { stage, item },
    signal,
  }: Request<'explainRun'>): Answer<'explainRun'> {
    const { agent, parts } = this
    const view = await viewMeant(agent, parameters.run, signal)
    const workflow = await workflowWith(stage, parts, view)
    const unit = view.units.find((it) => it.stage === stage && it.item === undefined)
    const explained =
      isRunOver(view.head.state) || isUnitOver(unit?.state)
        ? endedExplanation(view, workflow, stage, this.nameOf)
        : await this.leadersReasons(
            { ...(stage === undefined ? {} : { stage }), run: view.run },
            signal,
          )
    if (item === undefined) return explained
    return { ...explained, stages: explained.stages.filter((each) => each.item === item) }
  }

  private async leadersReasons(asked: Reasons, signal: AbortSignal): Promise<Explanation> {
    const { leader } = this.agent.ledger
    if (leader === undefined) {
      const why = 'nobody leads at the moment, so nothing is scheduled'
      throw new ApiRefusal('unreachable', why, 'skein health says why')
    }
    if (leader === this.agent.settings.signer.id) return this.ownReasons(asked)
    return this.ask(leader, 'reasons', { parameters: { node: 'self' }, query: asked }, signal)
  }

  private async ownReasons({ run, stage }: Reasons): Promise<Explanation> {
    const scheduler = this.office.informed
    if (scheduler === undefined) {
      throw new ApiRefusal('conflict', 'this agent does not lead', 'ask again in a moment')
    }
    const explained = scheduler.explain(run, stage)
    if (explained !== undefined) {
      return explanationDocument(explained, this.nameOf)
    }
    const view = wholeRun(this.agent.ledger.state, { run, attempts: true })
    if (view !== undefined && isRunOver(view.head.state)) {
      return endedExplanation(view, await workflowWith(stage, this.parts, view), stage, this.nameOf)
    }
    throw new ApiRefusal('conflict', `run ${run} is not scheduled here yet`, 'ask again')
  }
}
