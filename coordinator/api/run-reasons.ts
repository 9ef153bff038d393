/** Why stages are where they are, and how far they have come: what the leader has in mind. */
import type { Agent } from '../../agent/agent.ts'
import { isRunOver, isUnitOver } from '../../protocol/work/states.ts'
import { viewRun } from '../history/finding.ts'
import { explanationDocument } from '../runs/documents.ts'
import { endedExplanation, toldInOrder } from '../runs/ended.ts'
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
    const isOver = isRunOver(view.head.state) || isUnitOver(unit?.state)
    const asked = { ...(stage === undefined ? {} : { stage }), run: view.run }
    const explained = isOver
      ? await this.withChoices(endedExplanation(view, workflow, stage, this.nameOf), asked, signal)
      : await this.leadersReasons(asked, signal)
    const stages = toldInOrder(explained.stages, workflow)
    if (item === undefined) return { ...explained, stages }
    return { ...explained, stages: stages.filter((each) => each.item === item) }
  }

  /** What is over is known here; why it went where it went, only to whoever chose. */
  private async withChoices(
    explained: Explanation,
    asked: Reasons,
    signal: AbortSignal,
  ): Promise<Explanation> {
    const { stages } = explained
    if (stages.length === 0) return explained
    try {
      const told = await this.leadersReasons(asked, signal)
      const chosen = new Map(told.stages.map((each) => [unitKey(each), each.chosen]))
      return {
        ...explained,
        stages: stages.map((each) => {
          const words = chosen.get(unitKey(each))
          return words === undefined ? each : { ...each, chosen: words }
        }),
      }
    } catch (error) {
      // Nobody leads, or not for long enough to know of it.
      if (error instanceof ApiRefusal) return explained
      throw error
    }
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
      return chosenBy(scheduler, explanationDocument(explained, this.nameOf))
    }
    const view = await viewRun(this.agent, this.agent.ledger.state, run)
    if (isRunOver(view.head.state)) {
      const workflow = await workflowWith(stage, this.parts, view)
      return chosenBy(scheduler, endedExplanation(view, workflow, stage, this.nameOf))
    }
    throw new ApiRefusal('conflict', `run ${run} is not scheduled here yet`, 'ask again')
  }
}

type Told = Explanation['stages'][number]

function unitKey({ stage, item }: Told): string {
  return `${stage}/${item ?? ''}`
}

function chosenBy(
  scheduler: NonNullable<SchedulerOffice['informed']>,
  explained: Explanation,
): Explanation {
  const stages = explained.stages.map((told): Told => {
    const { stage, item } = told
    const of = item === undefined ? {} : { item }
    const chosen = scheduler.chosen({ run: explained.run, stage, ...of })
    return chosen === undefined ? told : { ...told, chosen }
  })
  return { ...explained, stages }
}
