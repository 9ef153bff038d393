/**
 * Somebody who starts runs, through whichever agent is there, and asks again through another one
 * when nothing is heard: with a key, so that there is one run however often it is asked for. Some
 * runs are stopped again, some are done again when they have ended, and events are sent at random.
 */
import type { Agent } from '../../../agent/agent.ts'
import { ApiRefusal } from '../../../coordinator/api/refusal.ts'
import { viewRun, workflowOf } from '../../../coordinator/history/finding.ts'
import { runBegunWith } from '../../../coordinator/history/keys.ts'
import { WorkflowLibrary } from '../../../coordinator/runs/library.ts'
import { type Again, keptStages } from '../../../coordinator/runs/retrying.ts'
import {
  type Begun,
  beginRun,
  storeWorkflow,
  type Wanted,
} from '../../../coordinator/runs/starting.ts'
import { assert } from '../../../protocol/assert.ts'
import type { Command } from '../../../protocol/ledger/catalogue.ts'
import { read } from '../../../protocol/ledger/read.ts'
import type { RunView } from '../../../protocol/ledger/work-view.ts'
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'
import type { Workflow } from '../../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../../protocol/workflow/parse.ts'
import type { SimulatedMesh } from '../mesh.ts'
import { heardWithin, rest } from '../patience.ts'
import { childTexts } from './children.ts'
import { drawWorkflow, modes } from './drawing.ts'
import { peopleLimits } from './limits.ts'
import { eventKeys, events } from './sketch.ts'

/** Somebody was told that there is a run: it began with that entry. */
export type OnBegun = (began: { index: number; key: string | undefined; by: string }) => void

const failures = ['failed', 'cancelled'] as const
const never = new AbortController().signal

export class Starter {
  readonly name: string
  private readonly mesh: SimulatedMesh
  private readonly entropy: Entropy
  private readonly onBegun: OnBegun
  private readonly library = new WorkflowLibrary()
  private readonly repertoire = new Map<string, Workflow>()
  private stopped = false
  private asked = 0

  constructor(mesh: SimulatedMesh, name: string, onBegun: OnBegun) {
    this.mesh = mesh
    this.name = name
    this.onBegun = onBegun
    this.entropy = mesh.world.entropy.stream(`starter/${name}`)
  }

  stop(): void {
    this.stopped = true
  }

  async run(): Promise<void> {
    if (this.name === 'p1') await this.publishAll()
    while (!this.stopped) {
      await rest(this.mesh.world, peopleLimits.thinkMs * -Math.log(1 - this.entropy.unit()))
      const agent = this.someAgent()
      if (!agent || this.stopped) continue
      const draw = this.entropy.unit()
      if (draw < 0.6) await this.start()
      else if (draw < 0.75) await this.again(agent)
      else if (draw < 0.85) await this.end(agent)
      else if (draw < 0.9) await this.publish(this.one(Object.values(childTexts).flat()))
      else await this.signal(agent)
    }
  }

  // ── What it does ──────────────────────────────────────────────────────────────────────────────

  /** Others may be started by name, once they are there. */
  private async publishAll(): Promise<void> {
    for (const [text] of Object.values(childTexts)) {
      while (!this.stopped && !(await this.publish(text!))) {
        await rest(this.mesh.world, peopleLimits.retryMs)
      }
    }
  }

  /** Under its name, from now on. */
  private async publish(text: string): Promise<boolean> {
    const agent = this.someAgent()
    if (!agent) return false
    const workflow = workflowFrom(text)
    const hash = await this.ask(storeWorkflow(agent, workflow, never))
    if (hash === undefined) return false
    const value = { name: workflow.name, hash }
    return this.append(agent, { kind: 'workflowPublish', value })
  }

  private async start(): Promise<void> {
    if (this.asked >= peopleLimits.runsMax) return
    const number = below(this.entropy, peopleLimits.repertoire)
    // Each person has some of their own, and some are everybody's.
    const name = number < 2 ? `w${number}` : `w${number}-${this.name}`
    let workflow = this.repertoire.get(name)
    if (workflow === undefined) {
      const drawn = this.mesh.world.entropy.stream(`workflow/${name}`)
      workflow = workflowFrom(drawWorkflow(drawn, name))
      this.repertoire.set(name, workflow)
    }
    const mode = this.entropy.unit() < 0.3 ? { inputs: { mode: this.one(modes) } } : {}
    await this.begin({ workflow, ...mode })
  }

  /** One that has ended, in part, wherever it is kept; now and then with other inputs. */
  private async again(agent: Agent): Promise<void> {
    if (this.asked >= peopleLimits.runsMax) return
    const { state } = agent.ledger
    const states = this.entropy.unit() < 0.7 ? failures : (['succeeded'] as const)
    const question = { filter: { states: [...states] }, limit: 20 }
    const ended = await this.ask(agent.history.list(state, question))
    const run = pick(this.entropy, ended?.items ?? [])?.run
    const view = run === undefined ? undefined : await this.ask(viewRun(agent, state, run))
    if (view === undefined) return
    const found = await this.ask(workflowOf(agent, this.library, state, view.spec.workflow))
    if (!found?.ok) return
    const { workflow } = found
    const keep = keptOf(() => keptStages(view, workflow, this.part(view)))
    if (keep === undefined) return
    const before = JSON.parse(view.spec.inputs) as Record<string, unknown>
    const change = 'mode' in before && this.entropy.unit() < 0.3 ? { mode: this.one(modes) } : {}
    await this.begin({
      workflow,
      inputs: { ...before, ...change },
      retry: { run: view.run, keep },
    })
  }

  private part({ units }: RunView): Again {
    const stages = units.filter(({ item }) => item === undefined).map(({ stage }) => stage)
    const draw = this.entropy.unit()
    if (draw < 0.5 || stages.length === 0) return { failed: true }
    const some = [this.one(stages)]
    return draw < 0.75 ? { failed: false, from: some } : { failed: false, only: some }
  }

  private async end(agent: Agent): Promise<void> {
    const { value } = read(agent.ledger.state, { kind: 'runIdList', prefix: '', unended: true })
    const run = pick(this.entropy, value.items)
    if (run === undefined) return
    const kind = this.entropy.unit() < 0.3 ? 'runKill' : 'runCancel'
    await this.append(agent, { kind, value: { run, by: this.name, reason: 'not needed' } })
  }

  private async signal(agent: Agent): Promise<void> {
    const event = pick(this.entropy, events)
    if (event === undefined) return
    const key = this.entropy.unit() < 0.3 ? { key: this.one(eventKeys) } : {}
    const data = this.entropy.unit() < 0.5 ? { data: JSON.stringify({ n: this.asked }) } : {}
    const value = { event, by: this.name, ...key, ...data }
    await this.append(agent, { kind: 'signalSend', value })
  }

  // ── Asking until it is known ──────────────────────────────────────────────────────────────────

  private async begin(wanted: {
    workflow: Workflow
    inputs?: Readonly<Record<string, unknown>>
    retry?: Wanted['retry'] & {}
  }): Promise<void> {
    const number = ++this.asked
    const key = this.entropy.unit() < 0.6 ? `${this.name}-${number}` : undefined
    const priority = this.entropy.unit() < 0.1 ? below(this.entropy, 101) : undefined
    const labels = { of: this.name }
    const whole: Wanted = { inputs: {}, ...wanted, labels, by: this.name, key, priority }
    const triesMax = key === undefined ? 1 : peopleLimits.triesMax
    for (let tries = 0; tries < triesMax && !this.stopped; tries++) {
      const agent = this.someAgent()
      const begun = agent && (await this.ask(this.beginAt(agent, whole)))
      if (begun !== undefined && this.isAnswer(begun, key)) return
      await rest(this.mesh.world, peopleLimits.retryMs)
    }
  }

  /** As an agent does what it is asked to: a key that has begun a run before begins no other. */
  private async beginAt(agent: Agent, wanted: Wanted): Promise<Begun | 'before'> {
    if ((await runBegunWith(agent, wanted, never)) !== undefined) return 'before'
    return beginRun(agent, this.entropy, wanted, never)
  }

  /** Whether there is no need to ask again. */
  private isAnswer(begun: Begun | 'before', key: string | undefined): boolean {
    if (begun === 'before') return true
    const { result } = begun
    if (result.code === 'full') return false
    if (result.code === 'ok' && result.revision !== undefined) {
      this.onBegun({ index: result.revision, key, by: this.name })
    }
    return true
  }

  private async append(agent: Agent, command: Command): Promise<boolean> {
    const { patienceMs } = peopleLimits
    const answer = await this.ask(agent.ledger.append(command, { timeoutMs: patienceMs }))
    return answer?.kind === 'applied' && answer.result.code === 'ok'
  }

  private async ask<T>(answer: Promise<T>): Promise<T | undefined> {
    const { patienceMs, graceMs } = peopleLimits
    try {
      return await heardWithin(this.mesh.world, patienceMs + graceMs, answer)
    } catch (error) {
      if (error instanceof ApiRefusal) return undefined
      throw error
    }
  }

  private one<T>(among: readonly T[]): T {
    return among[below(this.entropy, among.length)] as T
  }

  private someAgent(): Agent | undefined {
    return pick(this.entropy, this.mesh.reachable)?.agent
  }
}

/** Of a text that was drawn: it has no mistakes. */
function workflowFrom(text: string): Workflow {
  const parsed = parseWorkflow(text)
  assert(parsed.ok, 'what is drawn is a workflow', { text })
  return parsed.workflow
}

/** Undefined where it cannot be done again. */
function keptOf(kept: () => string[]): string[] | undefined {
  try {
    return kept()
  } catch (error) {
    if (error instanceof ApiRefusal) return undefined
    throw error
  }
}
