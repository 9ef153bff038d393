/**
 * Runs of a benchmark's mesh, begun and looked at through the control API, as anybody would. Each
 * call goes to the next agent in turn. An agent that is down is passed over; so that a run that was
 * begun at one that died is not begun twice, each has a key.
 */
import type { Asked } from '../../coordinator/api/calls.ts'
import type { RouteName, RouteResponse } from '../../coordinator/api/routes.ts'
import type { Run, RunDetail } from '../../coordinator/api/run-schemas.ts'
import { Client } from '../../coordinator/cli/client.ts'
import { exitCodes } from '../../protocol/exit-codes.ts'
import { Problem } from '../../protocol/problem.ts'
import { signInOf } from '../mesh/looking.ts'
import type { Mesh } from './mesh.ts'

export interface Wanted {
  /** The text of a workflow; or the name of one, if `published`. */
  readonly workflow: string
  readonly published?: boolean
  /** Letters, digits and dashes; runs are found again by it. */
  readonly group: string
}

const PAGE = 1_000
/** A machine that stands still for a while is no reason to lose a measurement. */
const AGENTS_SILENT_MS_MAX = 300_000
const TRY_AGAIN_MS = 20
const LOOK_AGAIN_MS = 50
const NAME = 'bench'
const GOING = 'queued,running'

export class MeshRuns {
  private readonly mesh: Mesh
  private readonly clients: readonly Client[]
  private readonly prefix = `${process.pid}-${Date.now()}`
  private turn = 0
  private begun = 0

  constructor(mesh: Mesh) {
    this.mesh = mesh
    const { signal } = new AbortController()
    this.clients = mesh.nodes.map((node) => new Client(node.apiAddress, signInOf(node), signal))
  }

  /** The name under which runs can be begun without its text. */
  async publish(text: string): Promise<string> {
    const { workflows } = await this.ask('publishWorkflow', { body: { workflow: text } })
    return workflows[0]!.name
  }

  async begin({ workflow, published = false, group }: Wanted): Promise<Run> {
    const key = `${this.prefix}-${this.begun++}`
    const labels = { [NAME]: `${this.prefix}-${group}` }
    const body = { workflow, published, inputs: {}, labels, key }
    return (await this.ask('startRun', { body })).run
  }

  async signal(event: string): Promise<void> {
    await this.ask('signal', { body: { event } })
  }

  async detail(run: string): Promise<RunDetail> {
    return this.asOfNow(() => this.ask('run', { parameters: { run } }))
  }

  /** Of those that were begun in this group. */
  going(group: string): Promise<Run[]> {
    return this.list(group, GOING)
  }

  ended(group: string): Promise<Run[]> {
    return this.list(group, 'succeeded,failed,cancelled')
  }

  /** Throws when one did not succeed. Each look is work for the mesh that is measured. */
  async untilAllSucceeded(
    group: string,
    deadlineMs: number,
    lookAgainMs: number = LOOK_AGAIN_MS,
  ): Promise<Run[]> {
    await this.untilNoneGoes(group, deadlineMs, lookAgainMs)
    const ended = await this.ended(group)
    const bad = ended.find(({ state }) => state !== 'succeeded')
    if (bad) throw notSucceeded(bad)
    return ended
  }

  async untilNoneGoes(
    group: string,
    deadlineMs: number,
    lookAgainMs: number = LOOK_AGAIN_MS,
  ): Promise<void> {
    const untilMs = performance.now() + deadlineMs
    for (;;) {
      // One tells enough, however many go on.
      const [left] = await this.list(group, GOING, 1)
      if (left === undefined) return
      if (performance.now() > untilMs) throw notInTime(left, deadlineMs)
      await this.mesh.rest(lookAgainMs)
    }
  }

  private async list(group: string, state: string, max = Number.POSITIVE_INFINITY): Promise<Run[]> {
    const label = `${NAME}=${this.prefix}-${group}`
    const limit = Math.min(PAGE, max)
    const all: Run[] = []
    for (let after: string | undefined, more = true; more; ) {
      const query = { state, label, limit, ...(after === undefined ? {} : { after }) }
      const page = await this.asOfNow(() => this.ask('runs', { query }))
      all.push(...page.runs)
      after = page.next
      more = after !== undefined && all.length < max
    }
    return all
  }

  /**
   * An agent that cannot reach the leader in time answers from what it knew before: a run that was
   * begun just now is not in that, and one that has ended goes on.
   */
  private async asOfNow<T extends { stale: boolean }>(ask: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + AGENTS_SILENT_MS_MAX
    for (;;) {
      const answer = await ask()
      if (!answer.stale || performance.now() > untilMs) return answer
      await this.mesh.rest(TRY_AGAIN_MS)
    }
  }

  private async ask<N extends RouteName>(name: N, asked: Asked<N>): Promise<RouteResponse<N>> {
    const untilMs = performance.now() + AGENTS_SILENT_MS_MAX
    for (;;) {
      const at = this.turn++ % this.clients.length
      try {
        return await this.clients[at]!.call(name, asked)
      } catch (error) {
        const passing = error instanceof Problem && error.exitCode === exitCodes.noAnswer
        if (!passing || performance.now() > untilMs) throw error
        await this.mesh.rest(TRY_AGAIN_MS)
      }
    }
  }
}

function notInTime({ id }: Run, deadlineMs: number): Problem {
  return new Problem({
    code: 'notEnded',
    why: `not all runs have ended in ${deadlineMs / 1_000} s: ${id} has not`,
    fix: 'run it with fewer, and look at the logs of the agents',
    exitCode: exitCodes.failed,
  })
}

function notSucceeded({ id, state, reason }: Run): Problem {
  return new Problem({
    code: 'notSucceeded',
    why: `run ${id} has ended as ${state}${reason === undefined ? '' : `: ${reason}`}`,
    fix: 'look at the logs of the agents',
    exitCode: exitCodes.failed,
  })
}
