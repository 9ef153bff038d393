/** What people decide about runs: to begin one, to end it, to do it again, to let it go on. */
import type { Agent } from '../../agent/agent.ts'
import type { SimpleCommand } from '../../protocol/ledger/catalogue.ts'
import { read } from '../../protocol/ledger/read.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { isRunOver } from '../../protocol/work/states.ts'
import { inputsFromTexts } from '../../protocol/workflow/inputs.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { asSigned, type Trail } from '../audit/deed.ts'
import { workflowOf } from '../history/finding.ts'
import { runBegunWith } from '../history/keys.ts'
import { personNamed } from '../people/register.ts'
import { runDocument } from '../runs/documents.ts'
import { inFreshState } from '../runs/fresh.ts'
import type { WorkflowLibrary } from '../runs/library.ts'
import { WorkflowReading } from '../runs/reading.ts'
import { keptStages } from '../runs/retrying.ts'
import { beginRun, boundInputs, publishedWorkflow, storeWorkflow } from '../runs/starting.ts'
import { secretsMissing, secretsNamed } from '../secrets/missing.ts'
import { applied } from './appending.ts'
import type { Handlers, Request } from './dispatch.ts'
import type { Caller } from './door.ts'
import { refuseWhileStopped } from './estop-handlers.ts'
import { refuseStalePlan } from './planning.ts'
import { ApiRefusal } from './refusal.ts'
import { type Answer, type RunApiParts, viewMeant } from './run-parts.ts'
import { alreadyOver, refusalTo } from './run-refusals.ts'
import { SCHEMA_VERSION } from './schemas.ts'

const SOMEBODY_ELSE =
  'let somebody else decide: skein users add NAME --role approver makes a key for them'

type DecidingRoute =
  | 'startRun'
  | 'cancelRun'
  | 'killRun'
  | 'retryRun'
  | 'voteRun'
  | 'signal'
  | 'publishWorkflow'

const done = { schemaVersion: SCHEMA_VERSION, done: true } as const

export class RunDeciding {
  private readonly agent: Agent
  private readonly library: WorkflowLibrary
  private readonly ids: Entropy
  private readonly reading: WorkflowReading

  constructor({ agent, library }: RunApiParts) {
    this.agent = agent
    this.library = library
    this.ids = agent.ports.entropy.stream('runs/ids')
    this.reading = new WorkflowReading(agent.ports.functions, library)
  }

  handlers(): Pick<Handlers, DecidingRoute> {
    return {
      startRun: (it) => this.start(it),
      cancelRun: (it) => this.stop(it, 'cancel'),
      killRun: (it) => this.stop(it, 'kill'),
      retryRun: (it) => this.retry(it),
      voteRun: (it) => this.vote(it),
      signal: (it) => this.signal(it),
      publishWorkflow: (it) => this.publish(it),
    }
  }

  private async start({ body, caller, signal, trail }: Request<'startRun'>): Answer<'startRun'> {
    const { workflow: text, published, planHash, texts, ...rest } = body
    const workflow = published
      ? await inFreshState(this.agent, signal, (state) =>
          publishedWorkflow(state, this.library, text),
        )
      : await this.reading.read(text, signal)
    const wanted = { ...rest, inputs: { ...rest.inputs, ...inputsFromTexts(workflow, texts) } }
    if (planHash !== undefined) {
      const inputs = boundInputs(workflow, wanted.inputs)
      refuseStalePlan(this.agent, workflow, inputs, planHash)
    }
    return this.begun({ ...wanted, workflow, by: caller.name, trail }, signal)
  }

  private async begun(
    wanted: Parameters<typeof beginRun>[2],
    signal: AbortSignal,
  ): Answer<'startRun'> {
    refuseWhileStopped(this.agent)
    const before = await runBegunWith(this.agent, wanted, signal)
    if (before !== undefined) {
      const document = runDocument(before.head, before.spec)
      return { schemaVersion: SCHEMA_VERSION, run: document, began: false }
    }
    await this.refuseWithoutSecrets(wanted.workflow, signal)
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

  /** Before anything of it has run, and not when a stage far down comes to ask for one. */
  private async refuseWithoutSecrets(workflow: Workflow, signal: AbortSignal): Promise<void> {
    const names = secretsNamed(workflow)
    if (names.length === 0) return
    await inFreshState(this.agent, signal, (state) => {
      const [first, ...others] = secretsMissing(state, names)
      if (first === undefined) return
      const also = others.length === 0 ? '' : `, nor ${others.join(', ')}`
      const why = `there is no secret ${first}${also}, which the workflow needs`
      throw new ApiRefusal('notFound', why, `skein secret set ${first}`)
    })
  }

  private async stop(
    { parameters, body, caller, signal, trail }: Request<'cancelRun' | 'killRun'>,
    mode: 'cancel' | 'kill',
  ): Answer<'cancelRun'> {
    const { head } = await viewMeant(this.agent, parameters.run, signal)
    if (trail !== undefined) {
      trail.note = { ...trail.note, object: asSigned(`run ${head.run}`, parameters.run) }
    }
    if (isRunOver(head.state)) throw alreadyOver(head)
    const value = { run: head.run, by: caller.name, reason: body.reason }
    const kind = mode === 'cancel' ? 'runCancel' : 'runKill'
    const result = await applied(this.agent, { kind, value }, signal, trail)
    if (result.code === 'stale') throw alreadyOver(head)
    if (result.code !== 'ok') throw refusalTo(`${mode} the run`, result)
    return done
  }

  private async retry({
    parameters,
    body,
    caller,
    signal,
    trail,
  }: Request<'retryRun'>): Answer<'retryRun'> {
    const view = await viewMeant(this.agent, parameters.run, signal)
    const { state } = this.agent.ledger
    const found = await workflowOf(this.agent, this.library, state, view.spec.workflow)
    if (!found.ok) throw new ApiRefusal('conflict', found.why, 'run the workflow from its file')
    const { workflow } = found
    const { from, only, failed } = body
    const by = caller.name
    const keep = keptStages(view, workflow, { from, only, failed })
    const before = JSON.parse(view.spec.inputs) as Record<string, unknown>
    const inputs = { ...before, ...body.inputs, ...inputsFromTexts(workflow, body.texts) }
    const retry = { run: view.run, keep }
    return this.begun({ workflow, inputs, labels: view.spec.labels, by, retry, trail }, signal)
  }

  private async vote({
    parameters,
    body,
    caller,
    signal,
    trail,
  }: Request<'voteRun'>): Answer<'voteRun'> {
    const { run, spec } = await viewMeant(this.agent, parameters.run, signal)
    this.refuseOwn(spec.by, caller)
    const { stage, item, approves, note } = body
    const by = caller.name
    const value = {
      run,
      stage,
      by,
      approves,
      planHash: body.planHash ?? spec.planHash,
      ...(item === undefined ? {} : { item }),
      ...(note === undefined ? {} : { note }),
    }
    const result = await applied(this.agent, { kind: 'runVote', value }, signal, trail)
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
        throw new ApiRefusal('refused', `${by} has started the run`, SOMEBODY_ELSE)
      case 'conflict':
        throw new ApiRefusal('conflict', 'that was another plan', 'look at the plan of this run')
      default:
        throw refusalTo('take the vote', result)
    }
  }

  /** Whoever has started a run does not approve it, under whatever name: the key tells. */
  private refuseOwn(starter: string, { id, name }: Caller): void {
    const known = personNamed(this.agent.ledger.state, starter)
    if (starter !== name && known?.holder.subject !== id) return
    throw new ApiRefusal('refused', `${name} has started the run`, SOMEBODY_ELSE)
  }

  private async signal({ body, caller, signal, trail }: Request<'signal'>): Answer<'signal'> {
    const { event, key, data } = body
    const value = {
      event,
      by: caller.name,
      ...(key === undefined ? {} : { key }),
      ...(data === undefined ? {} : { data: JSON.stringify(data) }),
    }
    await this.done({ kind: 'signalSend', value }, 'send the event', signal, trail)
    return done
  }

  private async publish({
    body,
    signal,
    trail,
  }: Request<'publishWorkflow'>): Answer<'publishWorkflow'> {
    const workflow = await this.reading.read(body.workflow, signal)
    const hash = await storeWorkflow(this.agent, workflow, signal)
    const { name } = workflow
    if (trail !== undefined) trail.note = { ...trail.note, object: `workflow ${name} ${hash}` }
    await this.done({ kind: 'workflowPublish', value: { name, hash } }, 'publish it', signal, trail)
    return { schemaVersion: SCHEMA_VERSION, workflows: [{ name, hash }] }
  }

  private async done(
    command: SimpleCommand,
    what: string,
    signal: AbortSignal,
    trail: Trail | undefined,
  ): Promise<void> {
    const result = await applied(this.agent, command, signal, trail)
    if (result.code !== 'ok') throw refusalTo(what, result)
  }
}
