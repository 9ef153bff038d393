/**
 * `skein bench federate`: what learning together costs five agents, at rest and at work, with rounds
 * and without, in turn: how long rounds take, what they send, how long they hold up an agent's loop,
 * and what is lost of the stages that it does meanwhile.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FederatedRound } from '../../coordinator/api/federation-routes.ts'
import { Client } from '../../coordinator/cli/client.ts'
import { federationLimits } from '../../models/federation/limits.ts'
import type { Family } from '../../models/registry/learned.ts'
import { assert } from '../../protocol/assert.ts'
import { signInOf } from '../mesh/looking.ts'
import { workflowText } from '../workloads/shape.ts'
import { fan } from '../workloads/shapes.ts'
import { type LoopHeld, lagFile } from './federate-agent.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, percentile, report } from './report.ts'
import { rateOf } from './run-times.ts'

export interface FederateOptions {
  seconds: string
  turns: string
  family: Family
  json: boolean
}

const NODES = 5
/** What there is to learn from: a few kinds of work, of each so many. */
const KINDS = [0.01, 0.05, 0.2]
const OF_EACH = 100
/**
 * From the beginning of one round to the next: hours in truth. A round takes the engines of five agents
 * 22 to 29 ms of CPU together, and their main threads 0.1 to 0.3 s (measured).
 */
const EVERY_MS = 10_000
const LOOK_MS = 100
const WIDTH = 200
const RUNS_AT_ONCE = 4
const END_DEADLINE_MS = 300_000
const LAG_GOAL_MS = 20
const ROUND_GOAL_MS = 10_000
const SHARE_GOAL = 0.95
/** Two turns alike differ by so much. */
const AS_WITHOUT = 1.1
const asAgent = fileURLToPath(new URL('as-agent.js', import.meta.url))
const agentProgram = fileURLToPath(new URL('./federate-agent.ts', import.meta.url))

type Setting = 'at rest' | 'at work'

interface Turn {
  readonly stagesPerSecond: number
  readonly held: readonly LoopHeld[]
  readonly rounds: readonly FederatedRound[]
}

export async function benchFederate(options: FederateOptions): Promise<number> {
  const mesh = await Mesh.start(NODES, {
    commandOf: (_, configFile) => [process.execPath, asAgent, agentProgram, configFile],
  })
  try {
    const bench = new FederateBench(mesh, 1_000 * Number(options.seconds), options.family)
    const first = await bench.prepare()
    const turns = new Map<string, Turn[]>()
    for (let i = 0; i < Number(options.turns); i++) {
      for (const setting of ['at rest', 'at work'] as const) {
        // The one that is later has more runs in the ledger beside it: each is as often.
        for (const withRounds of i % 2 === 0 ? [false, true] : [true, false]) {
          const key = keyOf(setting, withRounds)
          turns.set(key, [...(turns.get(key) ?? []), await bench.turn(setting, withRounds)])
        }
      }
    }
    const what = options.family === 'trees' ? 'federated rounds of trees' : 'federated rounds'
    const title = `${what}, ${NODES} agents, one every ${EVERY_MS / 1_000} s`
    return report(title, [...figuresOf(turns), firstFigure(first)], options.json)
  } finally {
    await mesh.stop()
  }
}

class FederateBench {
  readonly #mesh: Mesh
  readonly #runs: MeshRuns
  readonly #client: Client
  readonly #turnMs: number
  readonly #family: Family
  #workflow = ''
  #signals = 0

  constructor(mesh: Mesh, turnMs: number, family: Family) {
    const [node] = mesh.nodes
    assert(node !== undefined, 'a mesh must have nodes')
    this.#mesh = mesh
    this.#runs = new MeshRuns(mesh)
    this.#client = new Client(node.apiAddress, signInOf(node), new AbortController().signal)
    this.#turnMs = turnMs
    this.#family = family
  }

  /**
   * Hosts come to know work; and what is done once only, as starting engines, is done: how long that
   * held up their loops.
   */
  async prepare(): Promise<readonly LoopHeld[]> {
    await leaderOfAll(this.#mesh)
    for (const [i, seconds] of KINDS.entries()) {
      const text = workflowText({ ...fan(OF_EACH), name: `kind-${i}` }, ['sleep', String(seconds)])
      await this.#runs.begin({ workflow: text, group: 'history' })
    }
    await this.#runs.untilAllSucceeded('history', END_DEADLINE_MS)
    const noops = workflowText({ ...fan(WIDTH), name: 'work' }, ['/bin/true'])
    this.#workflow = await this.#runs.publish(noops)
    // Rows go down once a second.
    await this.#mesh.rest(1_500)
    await this.#heldUp()
    const first = await this.#round()
    const held = await this.#heldUp()
    assert(first.state !== 'failed', 'a round must be possible', { why: first.why })
    await this.turn('at work', true)
    return held
  }

  async turn(setting: Setting, withRounds: boolean): Promise<Turn> {
    await this.#heldUp()
    const untilMs = performance.now() + this.#turnMs
    const learning = withRounds ? this.#learn(untilMs) : Promise.resolve([])
    const working = setting === 'at work' ? this.#work(untilMs) : this.#mesh.rest(this.#turnMs)
    const [rounds, stagesPerSecond] = await Promise.all([learning, working])
    return { rounds, stagesPerSecond: stagesPerSecond ?? 0, held: await this.#heldUp() }
  }

  async #learn(untilMs: number): Promise<FederatedRound[]> {
    const rounds: FederatedRound[] = []
    do {
      const nextMs = performance.now() + EVERY_MS
      rounds.push(await this.#round())
      await this.#mesh.rest(Math.max(0, Math.min(nextMs, untilMs) - performance.now()))
    } while (performance.now() + EVERY_MS / 4 < untilMs)
    return rounds
  }

  async #round(): Promise<FederatedRound> {
    const { after } = await this.#client.call('askForRounds', {
      body: { count: 1, family: this.#family },
    })
    for (;;) {
      await this.#mesh.rest(LOOK_MS)
      const { round, awaited } = await this.#client.call('federation')
      const isOver = awaited === 0 && round !== undefined && round.state !== 'open'
      if (isOver && round.number > after) return round
    }
  }

  async #work(untilMs: number): Promise<number> {
    const group = `work-${this.#signals}`
    while (performance.now() < untilMs) {
      const going = (await this.#runs.going(group)).length
      const more = Array.from({ length: RUNS_AT_ONCE - going })
      const wanted = { workflow: this.#workflow, published: true, group }
      await Promise.all(more.map(() => this.#runs.begin(wanted)))
      await this.#mesh.rest(25)
    }
    return rateOf(await this.#runs.untilAllSucceeded(group, END_DEADLINE_MS), WIDTH).perSecond
  }

  /** Of each agent since the last time. */
  async #heldUp(): Promise<LoopHeld[]> {
    this.#signals++
    for (const { pid } of this.#mesh.nodes) process.kill(pid, 'SIGUSR2')
    const told = this.#mesh.nodes.map(async ({ dataDirectory }) => {
      const file = join(dataDirectory, lagFile)
      for (;;) {
        await this.#mesh.rest(20)
        const held = readHeld(file)
        if (held?.turn === this.#signals) return held
      }
    })
    return Promise.all(told)
  }
}

function readHeld(file: string): LoopHeld | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LoopHeld
  } catch {
    return undefined
  }
}

function keyOf(setting: Setting, withRounds: boolean): string {
  return `${setting} ${withRounds}`
}

function figuresOf(turns: ReadonlyMap<string, readonly Turn[]>): Figure[] {
  const of = (setting: Setting, withRounds: boolean) => turns.get(keyOf(setting, withRounds)) ?? []
  return [
    ...(['at rest', 'at work'] as const).flatMap((setting) => [
      ...roundFigures(setting, of(setting, true)),
      ...lagFigures(setting, of(setting, true), of(setting, false)),
    ]),
    stageFigure(of('at work', true), of('at work', false)),
  ]
}

function roundFigures(setting: Setting, turns: readonly Turn[]): Figure[] {
  const rounds = turns.flatMap((turn) => turn.rounds)
  const took = rounds.map(({ openedMs, endedMs = openedMs }) => endedMs - openedMs)
  const decided = rounds.filter(({ state }) => state !== 'failed').length
  const kib = (of: 'upBytesMax' | 'downBytesMax', way: string): Figure => {
    const value = Math.max(...rounds.map((round) => round[of])) / 1_024
    const goal = federationLimits.roundBytesMax / 1_024
    const metric = `${way} in a round ${setting}, the most`
    return { metric, unit: 'KiB', value, goal: `<= ${goal}`, holds: value <= goal }
  }
  const median = percentile(took, 0.5)
  return [
    {
      metric: `a round ${setting}, median of ${rounds.length}`,
      unit: 'ms',
      value: median,
      goal: `< ${ROUND_GOAL_MS}`,
      holds: median < ROUND_GOAL_MS,
    },
    { metric: `a round ${setting}, the longest`, unit: 'ms', value: Math.max(...took) },
    {
      metric: `rounds ${setting} that came to a decision`,
      unit: '',
      value: decided,
      goal: `= ${rounds.length}`,
      holds: decided === rounds.length,
    },
    kib('upBytesMax', 'a host sends'),
    kib('downBytesMax', 'a host is sent'),
  ]
}

/** Of the agent that was held up most. */
function lagFigures(
  setting: Setting,
  withRounds: readonly Turn[],
  without: readonly Turn[],
): Figure[] {
  return lags.map(({ of, metric, hasGoal }) => {
    const worst = (turns: readonly Turn[]) =>
      Math.max(...turns.flatMap(({ held }) => held.map((one) => one[of])))
    const [value, peerValue] = [worst(withRounds), worst(without)]
    const peer = 'without rounds'
    const beside = { metric: `${metric} ${setting}`, unit: 'ms', value, peer, peerValue }
    if (!hasGoal) return beside
    const goal = `< ${LAG_GOAL_MS}, or as without`
    return { ...beside, goal, holds: value < Math.max(LAG_GOAL_MS, AS_WITHOUT * peerValue) }
  })
}

const lags = [
  { of: 'p99Ms', metric: 'a loop held up, 99th percentile', hasGoal: true },
  { of: 'ownMs', metric: 'a loop kept by its own work, the longest', hasGoal: true },
  // By whatever else the machine does, too.
  { of: 'maxMs', metric: 'a loop held up, the longest', hasGoal: false },
] as const

/** Of the first round in an agent's life, of which much is never done again. */
function firstFigure(held: readonly LoopHeld[]): Figure {
  const value = Math.max(...held.map(({ ownMs }) => ownMs))
  const metric = 'a loop kept by its own work, the longest in its first round'
  return { metric, unit: 'ms', value }
}

function stageFigure(withRounds: readonly Turn[], without: readonly Turn[]): Figure {
  const mean = (turns: readonly Turn[]) =>
    turns.reduce((sum, { stagesPerSecond }) => sum + stagesPerSecond, 0) / turns.length
  const [value, peerValue] = [mean(withRounds), mean(without)]
  const ratio = value / peerValue
  return {
    metric: 'process stages',
    unit: '/s',
    value,
    goal: `>= ${SHARE_GOAL} of those without`,
    peer: 'without rounds',
    peerValue,
    ratio,
    holds: ratio >= SHARE_GOAL,
  }
}
