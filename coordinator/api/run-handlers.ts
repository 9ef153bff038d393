/** What each route of runs does. Any agent answers: the ledger is everywhere. */
import type { Agent } from '../../agent/agent.ts'
import type { Listed } from '../../agent/history/listing.ts'
import { startedAtPlace } from '../../agent/history/rows.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import type { RunHead, RunView } from '../../protocol/ledger/work-view.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { findRun, readableWorkflow, viewRun, workflowOf } from '../history/finding.ts'
import { runBegunWith } from '../history/keys.ts'
import { whereFrom } from '../history/where.ts'
import {
  detailDocument,
  explanationDocument,
  itemDocument,
  runDocument,
  stageDocuments,
} from '../runs/documents.ts'
import { freshState, inFreshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { logsOf, type PieceAsked } from '../runs/logs.ts'
import { ownLog } from '../runs/own-log.ts'
import { WorkflowReading } from '../runs/reading.ts'
import { keptStages } from '../runs/retrying.ts'
import { beginRun, boundInputs, publishedWorkflow, storeWorkflow } from '../runs/starting.ts'
import { newsOf, type Progress } from '../runs/watching.ts'
import type { SchedulerOffice } from '../scheduler/module.ts'
import { applied } from './appending.ts'
import type { Asked } from './calls.ts'
import type { Handlers, Request } from './dispatch.ts'
import { refuseStalePlan } from './planning.ts'
import { ApiRefusal } from './refusal.ts'
import type { RouteName, RouteQuery, RouteResponse } from './routes.ts'
import { type Explanation, type RunNews, RunState } from './run-schemas.ts'
import { SCHEMA_VERSION } from './schemas.ts'

type RunRoute =
  | 'startRun'
  | 'runs'
  | 'run'
  | 'watchRun'
  | 'stopRun'
  | 'retryRun'
  | 'voteRun'
  | 'signal'
  | 'runLogs'
  | 'explainRun'
  | 'attemptLog'
  | 'reasons'
  | 'publishWorkflow'
  | 'workflows'

type Answer<N extends RouteName> = Promise<RouteResponse<N>>

const done = { schemaVersion: SCHEMA_VERSION, done: true } as const

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

export class RunApi {
  private readonly agent: Agent
  private readonly library: WorkflowLibrary
  private readonly office: SchedulerOffice
  private readonly ask: RunApiParts['ask']
  private readonly ids: Entropy
  private readonly reading: WorkflowReading

  constructor({ agent, library, office, ask }: RunApiParts) {
    this.agent = agent
    this.library = library
    this.office = office
    this.ask = ask
    this.ids = agent.ports.entropy.stream('runs/ids')
    this.reading = new WorkflowReading(agent.ports.functions, library)
  }

  handlers(): Pick<Handlers, RunRoute> {
    return {
      startRun: (it) => this.start(it),
      runs: (it) => this.list(it),
      run: (it) => this.show(it),
      watchRun: (it) => this.watch(it),
      runLogs: (it) => this.logs(it),
      explainRun: (it) => this.explain(it),
      attemptLog: (it) => this.attemptLog(it),
      reasons: (it) => this.reasons(it),
      stopRun: (it) => this.stop(it),
      retryRun: (it) => this.retry(it),
      voteRun: (it) => this.vote(it),
      signal: (it) => this.signal(it),
      publishWorkflow: (it) => this.publish(it),
      workflows: (it) => this.published(it),
    }
  }

  private async start({ body, signal }: Request<'startRun'>): Answer<'startRun'> {
    const { workflow: text, published, planHash, ...wanted } = body
    const workflow = published
      ? await inFreshState(this.agent, signal, (state) =>
          publishedWorkflow(state, this.library, text),
        )
      : await this.reading.read(text, signal)
    if (planHash !== undefined) {
      const inputs = boundInputs(workflow, wanted.inputs)
      refuseStalePlan(this.agent, workflow, inputs, planHash)
    }
    return this.begun({ ...wanted, workflow }, signal)
  }

  private async begun(
    wanted: Parameters<typeof beginRun>[2],
    signal: AbortSignal,
  ): Answer<'startRun'> {
    const before = await runBegunWith(this.agent, wanted, signal)
    if (before !== undefined) {
      const document = runDocument(before.head, before.spec)
      return { schemaVersion: SCHEMA_VERSION, run: document, began: false }
    }
    const { run, result } = await beginRun(this.agent, this.ids, wanted, signal)
    if (result.code !== 'ok') throw refusalTo('begin the run', result)
    const { state } = this.agent.ledger
    const key = wanted.key
    const id = key === undefined ? run : (read(state, { kind: 'runOfKey', key }).value ?? run)
    const view = wholeRun(state, { run: id })
    if (view === undefined) {
      const why = `run ${id} has begun, and this agent does not hold it yet`
      throw new ApiRefusal('unreachable', why, `skein runs show ${id} in a moment`)
    }
    return {
      schemaVersion: SCHEMA_VERSION,
      run: runDocument(view.head, view.spec),
      began: id === run,
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
      return detailDocument(view, read, fresh, (node) => this.name(node))
    })
  }

  private async *watch({
    parameters,
    signal,
  }: Request<'watchRun'>): AsyncGenerator<RouteResponse<'watchRun'>> {
    const { agent, library } = this
    const run = await this.find(parameters.run, signal)
    const { state } = agent.ledger
    if (wholeRun(state, { run }) === undefined) {
      const view = await viewRun(agent, state, run)
      const read = await readableWorkflow(agent, library, state, view.spec.workflow)
      yield lastNews(
        view,
        stageDocuments(view, read, (node) => this.name(node)),
      )
      return
    }
    const progress = () => this.progress(run, signal)
    yield* newsOf({ agent, library, nameOf: (node) => this.name(node), run, progress, signal })
  }

  private async *logs({
    parameters,
    query,
    signal,
  }: Request<'runLogs'>): AsyncGenerator<RouteResponse<'runLogs'>> {
    const { agent } = this
    const run = await this.find(parameters.run, signal)
    const piece = (node: string, asked: PieceAsked) =>
      node === agent.settings.signer.id
        ? ownLog(agent, asked, signal)
        : this.ask(node, 'attemptLog', { parameters: { node: 'self' }, query: asked }, signal)
    const nameOf = (node: string) => this.name(node)
    const view = () => viewRun(agent, agent.ledger.state, run)
    yield* logsOf({ agent, nameOf, view, piece, signal }, { ...query, run })
  }

  private async attemptLog({
    parameters,
    query,
    signal,
  }: Request<'attemptLog'>): Answer<'attemptLog'> {
    const { node } = parameters
    const { item, ...rest } = query
    const asked = { ...rest, ...(item === undefined ? {} : { item }) }
    if (node === 'self' || node === this.agent.settings.signer.id) {
      return ownLog(this.agent, asked, signal)
    }
    return this.ask(node, 'attemptLog', { parameters: { node: 'self' }, query: asked }, signal)
  }

  private async progress(run: string, signal: AbortSignal): Promise<ReadonlyMap<string, Progress>> {
    try {
      const { stages } = await this.leadersReasons({ run }, signal)
      const own = stages.filter(
        ({ item, progress, note }) => item === undefined && (progress ?? note) !== undefined,
      )
      return new Map(own.map(({ stage, progress, note }) => [stage, { progress, note }]))
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
    const run = await this.find(parameters.run, signal)
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

  private reasons({ query }: Request<'reasons'>): RouteResponse<'reasons'> {
    return this.ownReasons(query)
  }

  private ownReasons({ run, stage }: { run: string; stage?: string | undefined }): Explanation {
    const { scheduler } = this.office
    if (scheduler === undefined) {
      throw new ApiRefusal('conflict', 'this agent does not lead', 'ask again in a moment')
    }
    const explained = scheduler.explain(run, stage)
    if (explained !== undefined) {
      return explanationDocument(explained, (node) => this.name(node))
    }
    const view = wholeRun(this.agent.ledger.state, { run })
    if (view !== undefined && isRunOver(view.head.state)) throw alreadyOver(view.head)
    throw new ApiRefusal('conflict', `run ${run} is not scheduled here yet`, 'ask again')
  }

  private async stop({ parameters, body, signal }: Request<'stopRun'>): Answer<'stopRun'> {
    const { head } = await this.viewOf(parameters.run, signal)
    if (isRunOver(head.state)) throw alreadyOver(head)
    const { mode, by, reason } = body
    const value = { run: head.run, by, reason }
    const kind = mode === 'cancel' ? 'runCancel' : 'runKill'
    const result = await applied(this.agent, { kind, value }, signal)
    if (result.code === 'stale') throw alreadyOver(head)
    if (result.code !== 'ok') throw refusalTo(`${mode} the run`, result)
    return done
  }

  private async retry({ parameters, body, signal }: Request<'retryRun'>): Answer<'retryRun'> {
    const view = await this.viewOf(parameters.run, signal)
    const { state } = this.agent.ledger
    const found = await workflowOf(this.agent, this.library, state, view.spec.workflow)
    if (!found.ok) throw new ApiRefusal('conflict', found.why, 'run the workflow from its file')
    const { workflow } = found
    const { from, only, failed, by } = body
    const keep = keptStages(view, workflow, { from, only, failed })
    const before = JSON.parse(view.spec.inputs) as Record<string, unknown>
    const inputs = { ...before, ...body.inputs }
    const retry = { run: view.run, keep }
    return this.begun({ workflow, inputs, labels: view.spec.labels, by, retry }, signal)
  }

  private async vote({ parameters, body, signal }: Request<'voteRun'>): Answer<'voteRun'> {
    const { run, spec } = await this.viewOf(parameters.run, signal)
    const { stage, item, approves, note, by } = body
    const value = {
      run,
      stage,
      by,
      approves,
      planHash: body.planHash ?? spec.planHash,
      ...(item === undefined ? {} : { item }),
      ...(note === undefined ? {} : { note }),
    }
    const result = await applied(this.agent, { kind: 'runVote', value }, signal)
    switch (result.code) {
      case 'ok':
        return done
      case 'notFound':
        throw new ApiRefusal(
          'notFound',
          `stage ${stage} of run ${run} waits for no approval`,
          `skein runs show ${run} says what it waits for`,
        )
      case 'notAllowed':
        throw new ApiRefusal('refused', `${by} has started the run`, 'let somebody else decide')
      case 'conflict':
        throw new ApiRefusal('conflict', 'that was another plan', 'look at the plan of this run')
      default:
        throw refusalTo('take the vote', result)
    }
  }

  private async signal({ body, signal }: Request<'signal'>): Answer<'signal'> {
    const { event, key, data, by } = body
    const value = {
      event,
      by,
      ...(key === undefined ? {} : { key }),
      ...(data === undefined ? {} : { data: JSON.stringify(data) }),
    }
    await this.done({ kind: 'signalSend', value }, 'send the event', signal)
    return done
  }

  private async publish({ body, signal }: Request<'publishWorkflow'>): Answer<'publishWorkflow'> {
    const workflow = await this.reading.read(body.workflow, signal)
    const hash = await storeWorkflow(this.agent, workflow, signal)
    const { name } = workflow
    await this.done({ kind: 'workflowPublish', value: { name, hash } }, 'publish it', signal)
    return { schemaVersion: SCHEMA_VERSION, workflows: [{ name, hash }] }
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

  private async viewOf(reference: string, signal: AbortSignal): Promise<RunView> {
    const { agent } = this
    return inFreshState(agent, signal, async (state) =>
      viewRun(agent, state, await findRun(agent, state, reference)),
    )
  }

  private find(reference: string, signal: AbortSignal): Promise<string> {
    return inFreshState(this.agent, signal, (state) => findRun(this.agent, state, reference))
  }

  private async done(command: Command, what: string, signal: AbortSignal): Promise<void> {
    const result = await applied(this.agent, command, signal)
    if (result.code !== 'ok') throw refusalTo(what, result)
  }

  private name(node: string): string {
    return this.agent.membership.nameOf(node as PeerId)
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

function alreadyOver({ run, state }: RunHead): ApiRefusal {
  return new ApiRefusal('conflict', `run ${run} has ended: ${state}`, `skein runs show ${run}`)
}

function refusalTo(what: string, { code }: Result): ApiRefusal {
  if (code === 'full') {
    const fix = 'let runs end, or archive some, and try again'
    return new ApiRefusal('overloaded', `the ledger has no room to ${what}`, fix)
  }
  if (code === 'tooLarge') {
    const why = `the ledger does not ${what}: something in it is too large`
    return new ApiRefusal('badRequest', why, 'hand large things over as artifacts')
  }
  const why = `the ledger did not ${what}: ${code}`
  return new ApiRefusal('conflict', why, 'look at the state and try again')
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
