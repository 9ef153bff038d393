/**
 * Somebody who starts runs, through whichever agent is there, and asks again through another one
 * when nothing is heard: with a key, so that there is one run however often it is asked for. Some
 * runs are stopped again, some are done again when they have ended, and events are sent at random.
 */
import type { Agent } from '../../../agent/agent.ts'
import { ApiRefusal } from '../../../coordinator/api/refusal.ts'
import { keptStages } from '../../../coordinator/runs/retrying.ts'
import {
  type Begun,
  beginRun,
  storeWorkflow,
  type Wanted,
} from '../../../coordinator/runs/starting.ts'
import { assert } from '../../../protocol/assert.ts'
import type { Command } from '../../../protocol/ledger/catalogue.ts'
import { read } from '../../../protocol/ledger/read.ts'
import { wholeRun } from '../../../protocol/ledger/read-run.ts'
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'
import type { Workflow } from '../../../protocol/workflow/model.ts'
import { parseWorkflow } from '../../../protocol/workflow/parse.ts'
import type { SimulatedMesh } from '../mesh.ts'
import { childText, drawWorkflow, events } from './drawing.ts'
import { peopleLimits } from './limits.ts'
import { heardWithin, rest } from './patience.ts'

/** Somebody was told that there is a run: it began with that entry. */
export type OnBegun = (began: { index: number; key: string | undefined; by: string }) => void

const never = new AbortController().signal

export class Starter {
  readonly name: string
  private readonly mesh: SimulatedMesh
  private readonly entropy: Entropy
  private readonly onBegun: OnBegun
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
    if (this.name === 'p1') await this.publish()
    while (!this.stopped) {
      await rest(this.mesh.world, peopleLimits.thinkMs * -Math.log(1 - this.entropy.unit()))
      const agent = this.someAgent()
      if (!agent || this.stopped) continue
      const draw = this.entropy.unit()
      if (draw < 0.65) await this.start()
      else if (draw < 0.75) await this.again(agent)
      else if (draw < 0.85) await this.end(agent)
      else await this.signal(agent)
    }
  }

  // ── What it does ──────────────────────────────────────────────────────────────────────────────

  /** Others may be started by name, once it is there. */
  private async publish(): Promise<void> {
    const workflow = workflowFrom(childText)
    for (let isDone = false; !isDone && !this.stopped; ) {
      await rest(this.mesh.world, peopleLimits.retryMs)
      const agent = this.someAgent()
      if (!agent) continue
      const hash = await this.ask(storeWorkflow(agent, workflow, never))
      if (hash === undefined) continue
      const value = { name: workflow.name, hash }
      isDone = await this.append(agent, { kind: 'workflowPublish', value })
    }
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
    await this.begin({ workflow })
  }

  /** One that did not succeed, from where it failed. */
  private async again(agent: Agent): Promise<void> {
    const { state } = agent.ledger
    const ended = read(state, { kind: 'runList', states: ['failed', 'cancelled'], limit: 20 })
    const run = pick(this.entropy, ended.value.items)?.run
    const view = run === undefined ? undefined : wholeRun(state, { run })
    if (view === undefined || this.asked >= peopleLimits.runsMax) return
    const text = read(state, { kind: 'workflowGet', hash: view.spec.workflow }).value?.text
    if (text === undefined) return
    const workflow = workflowFrom(text)
    const keep = keptOf(() => keptStages(view, workflow, { failed: true }))
    if (keep === undefined) return
    const inputs = JSON.parse(view.spec.inputs) as Record<string, unknown>
    await this.begin({ workflow, inputs, retry: { run: view.run, keep } })
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
    await this.append(agent, { kind: 'signalSend', value: { event, by: this.name } })
  }

  // ── Asking until it is known ──────────────────────────────────────────────────────────────────

  private async begin(wanted: {
    workflow: Workflow
    inputs?: Readonly<Record<string, unknown>>
    retry?: Wanted['retry'] & {}
  }): Promise<void> {
    const number = ++this.asked
    const key = this.entropy.unit() < 0.6 ? `${this.name}-${number}` : undefined
    const whole: Wanted = { inputs: {}, ...wanted, labels: {}, by: this.name, key }
    const triesMax = key === undefined ? 1 : peopleLimits.triesMax
    for (let tries = 0; tries < triesMax && !this.stopped; tries++) {
      const agent = this.someAgent()
      const begun = agent && (await this.ask(beginRun(agent, this.entropy, whole, never)))
      if (begun !== undefined && this.isAnswer(begun, key)) return
      await rest(this.mesh.world, peopleLimits.retryMs)
    }
  }

  /** Whether there is no need to ask again. */
  private isAnswer({ result }: Begun, key: string | undefined): boolean {
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
