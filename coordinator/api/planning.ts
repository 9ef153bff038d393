/**
 * Plans of workflows, of the hosts as this agent sees them. Small ones are made at once; what would
 * keep an agent from its other work is read and planned in a thread, as bounded as the rest.
 */
import { fileURLToPath } from 'node:url'
import type { Telling } from '../../agent/learning/telling.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { read } from '../../protocol/ledger/read.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { FunctionEnd, Functions } from '../../protocol/ports/functions.ts'
import type { Mistake as WorkflowMistake } from '../../protocol/workflow/mistake.ts'
import type { Workflow } from '../../protocol/workflow/model.ts'
import { hostsSeen, type KnownMember, type NodeOrders } from '../placement/host-facts.ts'
import type { Hosts } from '../placement/hosts.ts'
import { type Answered, answer, type PlanAsked } from '../planning/answering.ts'
import { keysIn } from '../planning/asking.ts'
import { planHash } from '../planning/hash.ts'
import type { Inputs } from '../planning/known.ts'
import { planLimits } from '../planning/limits.ts'
import { secretsMissing } from '../secrets/missing.ts'
import { type Mistake, Mistaken } from './errors.ts'
import { mistakesMax } from './limits.ts'
import type { Planned, PlanQuestion } from './plan-schemas.ts'
import { ApiRefusal } from './refusal.ts'
import { SCHEMA_VERSION } from './schemas.ts'

/** As much of an agent as plans are made of. */
export interface Seer {
  readonly settings: { readonly name: string }
  readonly membership: { members(): readonly KnownMember[] }
  readonly ledger: { readonly state: LedgerState; readonly leader: PeerId | undefined }
  readonly ports: { readonly functions: Functions }
  /** Asks all hosts what work like it took. */
  readonly learning: { readonly telling: Pick<Telling, 'gathered'> }
}

const ANSWERING = fileURLToPath(new URL('../planning/answering.ts', import.meta.url))
const ASKING = fileURLToPath(new URL('../planning/asking.ts', import.meta.url))

export class Planning {
  private readonly agent: Seer
  private threads = 0

  constructor(agent: Seer) {
    this.agent = agent
  }

  async plan(question: PlanQuestion, signal: AbortSignal): Promise<Planned> {
    const hosts = hostsOf(this.agent).all()
    const size = question.workflow.length * Math.max(1, hosts.length)
    const { leader } = this.agent.ledger
    const isSmall = size <= planLimits.inlineMax
    const asked: PlanAsked = {
      workflow: question.workflow,
      // A request is JSON, and so are these.
      inputs: question.inputs as Inputs,
      // Facts only: what is set aside is no JSON.
      hosts: hosts.map(({ setAside: _, ...facts }) => facts),
      attempts: hosts.map(({ setAside }) => setAside.attempts),
      ...(leader === undefined ? {} : { near: leader }),
      told: await this.told(question, isSmall, signal),
    }
    const answered = isSmall
      ? answer(asked)
      : answerOf(await this.inThread(ANSWERING, answer.name, asked, signal))
    if (answered.kind !== 'planned') throw refusalOf(answered)
    const { name } = this.agent.settings
    const missing = secretsMissing(this.agent.ledger.state, answered.plan.secrets)
    return {
      schemaVersion: SCHEMA_VERSION,
      agent: name,
      ...answered.plan,
      secretsMissing: missing,
    } as Planned
  }

  /** What hosts know of work like it; nothing of a text with mistakes. */
  private async told(
    { workflow }: PlanQuestion,
    isSmall: boolean,
    signal: AbortSignal,
  ): Promise<PlanAsked['told']> {
    const asked = { workflow }
    const keys = isSmall
      ? keysIn(asked)
      : keysOf(await this.inThread(ASKING, keysIn.name, asked, signal))
    return [...(await this.agent.learning.telling.gathered(keys))]
  }

  private async inThread(
    module: string,
    name: string,
    asked: object,
    signal: AbortSignal,
  ): Promise<FunctionEnd> {
    const { threadsMax, threadMemoryBytes, planBytesMax } = planLimits
    if (signal.aborted) throw new ApiRefusal('unreachable', 'the client has gone', 'ask again')
    if (this.threads >= threadsMax) {
      const why = `${threadsMax} large workflows are being planned here already`
      throw new ApiRefusal('overloaded', why, 'try again in a moment, or ask another agent')
    }
    this.threads++
    const spec = {
      module,
      export: name,
      input: JSON.stringify(asked),
      env: {},
      memoryBytes: threadMemoryBytes,
      resultBytesMax: planBytesMax,
    }
    const call = this.agent.ports.functions.call(spec, () => {})
    const stop = () => call.stop()
    signal.addEventListener('abort', stop)
    try {
      return await call.ended()
    } finally {
      signal.removeEventListener('abort', stop)
      this.threads--
    }
  }
}

/** Whatever is wrong with it, planning will tell. */
function keysOf(end: FunctionEnd): string[] {
  const isTold = end.kind === 'returned' && end.result !== undefined
  return isTold ? (JSON.parse(end.result ?? '[]') as string[]) : []
}

function answerOf(end: FunctionEnd): Answered {
  if (end.kind === 'returned' && end.result !== undefined) return JSON.parse(end.result) as Answered
  if (end.kind === 'outOfMemory') {
    return { kind: 'tooLarge', why: 'planning the workflow takes more memory than is given to it' }
  }
  if (end.kind === 'badResult') return { kind: 'tooLarge', why: 'the plan is too large to be sent' }
  const why = 'message' in end ? end.message : 'it returned nothing'
  throw new Error(`planning in a thread went wrong: ${why}`)
}

/** For whoever starts a run that was planned: what was planned is what would be done now. */
export function refuseStalePlan(
  agent: Seer,
  workflow: Workflow,
  inputs: Inputs,
  wanted: string,
): void {
  const hash = planHash(workflow, inputs, hostsOf(agent))
  if (hash === wanted) return
  throw new ApiRefusal(
    'conflict',
    `the plan ${wanted.slice(0, SHOWN_DIGITS)} is stale: the workflow, its inputs or the hosts that could run it have changed`,
    `plan it again, and look at what is different; the plan is ${hash.slice(0, SHOWN_DIGITS)} now`,
  )
}

const SHOWN_DIGITS = 12

/** Who lives by membership, and what operators have said of them by this agent's copy of the ledger. */
export function hostsOf(agent: Seer): Hosts {
  const orders: NodeOrders[] = []
  let after: string | undefined
  do {
    const { value } = read(agent.ledger.state, {
      kind: 'nodeList',
      ...(after === undefined ? {} : { after }),
    })
    orders.push(...value.items)
    after = value.next
  } while (after !== undefined)
  return hostsSeen(agent.membership.members(), orders)
}

function refusalOf(answered: Exclude<Answered, { kind: 'planned' }>): ApiRefusal {
  switch (answered.kind) {
    case 'tooLarge':
      return new ApiRefusal(
        'badRequest',
        answered.why,
        'plan a part of it, or run it without a plan',
      )
    case 'inputs': {
      const { mistakes } = answered
      const hints = new Set(mistakes.flatMap(({ hint }) => (hint === undefined ? [] : [hint])))
      const fix = [...hints].join('; ') || 'correct them, and ask again'
      const where = mistakes.map(({ input, message }) => ({
        where: `body.inputs.${input}`,
        why: message,
      }))
      return new Mistaken(mistakes.map(({ message }) => message).join('; '), fix, where)
    }
    case 'mistakes': {
      const told = answered.mistakes.slice(0, mistakesMax).map(toldMistake)
      const untold = answered.mistakes.length - told.length + answered.more
      const more = untold > 0 ? `; and ${untold} more` : ''
      const why = told.map(({ where, why }) => `${where} ${why}`).join('; ')
      return new Mistaken(`${why}${more}`, 'skein workflow validate shows each mistake', told)
    }
  }
}

function toldMistake({ line, column, message, hint }: WorkflowMistake): Mistake {
  const why = hint === undefined ? message : `${message} (${hint})`
  return { where: `body.workflow:${line}:${column}`, why }
}
