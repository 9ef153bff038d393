/** What there is to see of runs: lists, one of them, how it goes, what its attempts wrote. */
import type { Agent } from '../../agent/agent.ts'
import type { Listed } from '../../agent/history/listing.ts'
import { startedAtPlace } from '../../agent/history/rows.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { findRun, readableWorkflow, viewRun } from '../history/finding.ts'
import { whereFrom } from '../history/where.ts'
import { detailDocument, itemDocument, runDocument, stageDocuments } from '../runs/documents.ts'
import { type RunExpected, RunExpecting } from '../runs/expected.ts'
import { freshState, inFreshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { logsOf, type PieceAsked } from '../runs/logs.ts'
import { ownLog } from '../runs/own-log.ts'
import { shippedLog } from '../runs/shipped-log.ts'
import { isAskedFor, isHeldUp, newsOf, withProgress } from '../runs/watching.ts'
import type { Handlers, Request } from './dispatch.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteResponse } from './routes.ts'
import { type Answer, namesBy, type RunApiParts, runMeant, workflowWith } from './run-parts.ts'
import type { RunReasons } from './run-reasons.ts'
import { type RunNews, RunState } from './run-schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type LookingRoute = 'runs' | 'run' | 'watchRun' | 'runLogs' | 'attemptLog' | 'workflows'

export class RunLooking {
  private readonly agent: Agent
  private readonly library: WorkflowLibrary
  private readonly ask: RunApiParts['ask']
  private readonly reasons: RunReasons
  private readonly nameOf: (node: string) => string

  constructor({ agent, library, ask }: RunApiParts, reasons: RunReasons) {
    this.agent = agent
    this.library = library
    this.ask = ask
    this.reasons = reasons
    this.nameOf = namesBy(agent)
  }

  handlers(): Pick<Handlers, LookingRoute> {
    return {
      runs: (it) => this.list(it),
      run: (it) => this.show(it),
      watchRun: (it) => this.watch(it),
      runLogs: (it) => this.logs(it),
      attemptLog: (it) => this.attemptLog(it),
      workflows: (it) => this.published(it),
    }
  }

  private async list({ query, signal }: Request<'runs'>): Answer<'runs'> {
    const { state, fresh } = await freshState(this.agent, signal)
    const { name, sinceMs, untilMs, limit, after } = query
    const filter = {
      ...(query.state === undefined ? {} : { states: statesFrom(query.state) }),
      ...(query.label === undefined ? {} : { labels: labelsFrom(query.label) }),
      ...(name === undefined ? {} : { name }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(untilMs === undefined ? {} : { untilMs }),
    }
    const listed = await this.agent.history.list(state, {
      filter,
      limit,
      ...(query.where === undefined ? {} : { where: whereFrom(query.where) }),
      ...(after === undefined ? {} : { after }),
    })
    return listDocument(listed, fresh)
  }

  private async show({ parameters, signal }: Request<'run'>): Answer<'run'> {
    const { agent, library } = this
    return inFreshState(agent, signal, async (state, fresh) => {
      const view = await viewRun(agent, state, await findRun(agent, state, parameters.run))
      const read = await readableWorkflow(agent, library, state, view.spec.workflow)
      const expected = read && (await this.expected(view, read))
      const detail = detailDocument(view, read, fresh, this.nameOf)
      if (isAskedFor(view)) {
        const said = await this.reasons.progress(view.run, signal)
        detail.stages = detail.stages.map((stage) => withProgress(stage, said.get(stage.name)))
        if (isHeldUp(said)) return detail
      }
      return { ...detail, ...(expected === undefined ? {} : { expected }) }
    })
  }

  private async expected(view: RunView, workflow: Workflow): Promise<RunExpected | undefined> {
    if (view.head.state !== 'running') return undefined
    const expecting = this.expecting()
    await expecting.ask(workflow)
    return expecting.of(view, workflow)
  }

  private expecting(): RunExpecting {
    const { learning, ports } = this.agent
    return new RunExpecting({ telling: learning.telling, clock: ports.clock })
  }

  private async *watch({
    parameters,
    signal,
  }: Request<'watchRun'>): AsyncGenerator<RouteResponse<'watchRun'>> {
    const { agent, library } = this
    const run = await runMeant(this.agent, parameters.run, signal)
    const { state } = agent.ledger
    if (wholeRun(state, { run }) === undefined) {
      const view = await viewRun(agent, state, run)
      const read = await readableWorkflow(agent, library, state, view.spec.workflow)
      yield lastNews(view, stageDocuments(view, read, this.nameOf))
      return
    }
    const progress = () => this.reasons.progress(run, signal)
    const expecting = this.expecting()
    yield* newsOf({ agent, library, nameOf: this.nameOf, run, progress, expecting, signal })
  }

  private async *logs({
    parameters,
    query,
    signal,
  }: Request<'runLogs'>): AsyncGenerator<RouteResponse<'runLogs'>> {
    const { agent, library } = this
    const run = await runMeant(this.agent, parameters.run, signal)
    const { stage } = query
    if (stage !== undefined) {
      await workflowWith(stage, { agent, library }, await viewRun(agent, agent.ledger.state, run))
    }
    const piece = (node: string, asked: PieceAsked) =>
      node === agent.settings.signer.id
        ? ownLog(agent, asked, signal)
        : this.ask(node, 'attemptLog', { parameters: { node: 'self' }, query: asked }, signal)
    const view = () => viewRun(agent, agent.ledger.state, run)
    const shipped = (node: string, asked: PieceAsked) => shippedLog(agent, piece, node, asked)
    const isDead = (node: string) =>
      agent.membership.members().some(({ id, state }) => id === node && state === 'dead')
    const sources = { agent, nameOf: this.nameOf, view, piece, shipped, isDead, signal }
    yield* logsOf(sources, { ...query, run })
  }

  private async attemptLog({
    parameters,
    query,
    signal,
  }: Request<'attemptLog'>): Answer<'attemptLog'> {
    const { node } = parameters
    const { item, copyOf, ...rest } = query
    const asked = {
      ...rest,
      ...(item === undefined ? {} : { item }),
      ...(copyOf === undefined ? {} : { copyOf }),
    }
    if (node === 'self' || node === this.agent.settings.signer.id) {
      return ownLog(this.agent, asked, signal)
    }
    return this.ask(node, 'attemptLog', { parameters: { node: 'self' }, query: asked }, signal)
  }

  private async published({ signal }: Request<'workflows'>): Answer<'workflows'> {
    const { state } = await freshState(this.agent, signal)
    const workflows: { name: string; hash: string }[] = []
    for (let after: string | undefined, more = true; more; ) {
      const page = read(state, {
        kind: 'workflowNameList',
        ...(after === undefined ? {} : { after }),
      }).value
      workflows.push(...page.items.map(({ name, hash }) => ({ name, hash })))
      after = page.next
      more = after !== undefined
    }
    return { schemaVersion: SCHEMA_VERSION, workflows }
  }
}

function listDocument(listed: Listed, fresh: boolean): RouteResponse<'runs'> {
  const { items, next, isCutShort, scanned, silent, mistake } = listed
  if (mistake !== undefined) {
    const fix = 'mend the expression, or pick fewer runs with --since, --name or --label'
    throw new ApiRefusal('badRequest', `--where has no answer ${mistake}`, fix)
  }
  const backToMs = next === undefined ? undefined : startedAtPlace(next)
  return {
    schemaVersion: SCHEMA_VERSION,
    runs: items.map(itemDocument),
    ...(next === undefined ? {} : { next }),
    ...(isCutShort && backToMs !== undefined ? { stoppedEarly: { scanned, backToMs } } : {}),
    stale: !fresh,
    ...(silent === 0 ? {} : { silent }),
  }
}

/** All there is to say of a run that is over. */
function lastNews(view: RunView, stages: RunNews['stages']): RunNews {
  const { head, spec, outputs } = view
  return {
    schemaVersion: SCHEMA_VERSION,
    run: runDocument(head, spec),
    ...(outputs === undefined ? {} : { outputs: JSON.parse(outputs) as unknown }),
    stages,
  }
}

function statesFrom(text: string): RunState[] {
  return text.split(',').map((word) => {
    const read = RunState.safeParse(word.trim())
    if (read.success) return read.data
    const why = `${JSON.stringify(word)} is no state of a run`
    throw new ApiRefusal('badRequest', why, `there are ${RunState.options.join(', ')}`)
  })
}

function labelsFrom(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=')
    if (at <= 0) {
      const why = `${JSON.stringify(pair)} is no label`
      throw new ApiRefusal('badRequest', why, 'write key=value')
    }
    labels[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return labels
}
