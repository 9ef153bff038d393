/**
 * `skein bench federate`: what learning together costs five agents: at rest, beside work at a pace that
 * they carry easily, and beside as much work as they can do; with rounds of each family and without, in
 * turn, for short whiles, so that it is not the machine's better minutes that are compared.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FederatedRound } from '../../coordinator/api/federation-routes.ts'
import { Client } from '../../coordinator/cli/client.ts'
import { type Family, families } from '../../models/registry/learned.ts'
import { assert } from '../../protocol/assert.ts'
import { signInOf } from '../mesh/looking.ts'
import { workflowText } from '../workloads/shape.ts'
import { fan } from '../workloads/shapes.ts'
import { type LoopHeld, lagFile } from './federate-agent.ts'
import {
  figuresOf,
  type Kind,
  type Pace,
  type Setting,
  Spells,
  settings,
} from './federate-figures.ts'
import { FederateWork, type Worked } from './federate-work.ts'
import { cpuMs } from './idle.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { wantedIn } from './only.ts'
import { report } from './report.ts'

export interface FederateOptions {
  seconds: string
  turns: string
  /** Of the settings, only those; all if it is empty. */
  only: string
  /** Both, if not said. */
  family?: Family
  json: boolean
}

const NODES = 5
/** What there is to learn from: a few kinds of work, of each so many. */
const KINDS = [0.01, 0.05, 0.2]
const OF_EACH = 100
/**
 * How much oftener spells of each setting are done than is asked for. Where work is paced, the slowest
 * hundredth of a spell is what came within a tenth of a second that kept the mesh from it; and as much
 * as can be done differs by a tenth from one spell to the next without any rounds, by what was collected
 * of garbage meanwhile: of a twentieth only many spells tell.
 */
const TIMES = { 'at rest': 1, paced: 2, flooded: 4 } as const satisfies Record<Setting, number>
/** From the beginning of one round to the next: hours in truth. */
const EVERY_MS = 10_000
/** A round begins when work is under way. */
const FIRST_AFTER_MS = EVERY_MS / 4
/** Rounds tell themselves how long they took; each look at them is work for the agent that is asked. */
const LOOK_MS = 500
const HISTORY_DEADLINE_MS = 300_000
/**
 * Of what was done when as much was asked for as can be: easily carried, for in runs of so few stages
 * each takes more of the mesh.
 */
const PACE_SHARE = 0.4
/** Until agents have become quiet, and have collected what their start and first work have left. */
const SETTLE_MS = 20_000
const asAgent = fileURLToPath(new URL('as-agent.js', import.meta.url))
const agentProgram = fileURLToPath(new URL('./federate-agent.ts', import.meta.url))

export async function benchFederate(options: FederateOptions): Promise<number> {
  const wanted = wantedIn(options.only, settings, 'setting')
  const mesh = await Mesh.start(NODES, {
    commandOf: (_, configFile) => [process.execPath, asAgent, agentProgram, configFile],
  })
  try {
    const learned = options.family === undefined ? families : [options.family]
    const bench = new FederateBench(mesh, 1_000 * Number(options.seconds))
    const held = await bench.prepare(learned)
    const kinds: readonly Kind[] = ['none', ...learned]
    const spells = new Spells()
    let pace: Pace | undefined
    for (const setting of wanted) {
      if (setting === 'paced') pace = await bench.findPace()
      for (let turn = 0; turn < TIMES[setting] * Number(options.turns); turn++) {
        // What is later has more rounds and runs in the ledger beside it: each is as often.
        for (let i = 0; i < kinds.length; i++) {
          const kind = kinds[(turn + i) % kinds.length] as Kind
          spells.note(setting, kind, await bench.spell(setting, kind))
        }
      }
    }
    const title = `federated rounds, ${NODES} agents, one every ${EVERY_MS / 1_000} s`
    return report(title, figuresOf(spells, learned, { held, pace, wanted }), options.json)
  } finally {
    await mesh.stop()
  }
}

class FederateBench {
  readonly #mesh: Mesh
  readonly #runs: MeshRuns
  readonly #work: FederateWork
  readonly #client: Client
  readonly #spellMs: number
  #stagesPerSecond = 0
  #signals = 0

  constructor(mesh: Mesh, spellMs: number) {
    const [node] = mesh.nodes
    assert(node !== undefined, 'a mesh must have nodes')
    this.#mesh = mesh
    this.#runs = new MeshRuns(mesh)
    this.#work = new FederateWork(mesh, this.#runs)
    this.#client = new Client(node.apiAddress, signInOf(node), new AbortController().signal)
    this.#spellMs = spellMs
  }

  /**
   * Hosts come to know work; and what is done once only, as starting engines, is done: how long that
   * held up their loops.
   */
  async prepare(learned: readonly Family[]): Promise<readonly LoopHeld[]> {
    await leaderOfAll(this.#mesh)
    for (const [i, seconds] of KINDS.entries()) {
      const text = workflowText({ ...fan(OF_EACH), name: `kind-${i}` }, ['sleep', String(seconds)])
      await this.#runs.begin({ workflow: text, group: 'history' })
    }
    await this.#runs.untilAllSucceeded('history', HISTORY_DEADLINE_MS)
    await this.#work.publish()
    // Rows go down once a second.
    await this.#mesh.rest(1_500)
    await this.#heldUp()
    for (const family of learned) {
      const first = await this.#round(family)
      assert(first.state !== 'failed', 'a round must be possible', { why: first.why })
    }
    const held = await this.#heldUp()
    await this.#mesh.rest(SETTLE_MS)
    return held
  }

  /** By the second try, for the first warms up. */
  async findPace(): Promise<Pace> {
    await this.#flooded()
    const { perSecond: done } = await (await this.#flooded())()
    this.#stagesPerSecond = PACE_SHARE * done
    return { done, offered: this.#stagesPerSecond }
  }

  async spell(setting: Setting, kind: Kind) {
    await this.#heldUp()
    const cpuBefore = this.#cpuMs()
    const untilMs = performance.now() + this.#spellMs
    const learning = kind === 'none' ? Promise.resolve([]) : this.#learn(kind, untilMs)
    const [rounds, told] = await Promise.all([learning, this.#worked(setting)])
    const cpu = this.#cpuMs() - cpuBefore
    const held = await this.#heldUp()
    return { rounds, held, cpuMs: cpu, worked: await told?.() }
  }

  /** What there is to ask of it is asked when it has been measured. */
  async #worked(setting: Setting): Promise<(() => Promise<Worked>) | undefined> {
    switch (setting) {
      case 'at rest':
        await this.#mesh.rest(this.#spellMs)
        return undefined
      case 'paced': {
        const runs = await this.#work.paced(this.#spellMs, this.#stagesPerSecond)
        return () => this.#work.pacedTold(runs)
      }
      case 'flooded':
        return this.#flooded()
    }
  }

  async #flooded(): Promise<() => Promise<Worked>> {
    const runs = await this.#work.flooded(performance.now() + this.#spellMs)
    return () => Promise.resolve(this.#work.floodTold(runs))
  }

  async #learn(family: Family, untilMs: number): Promise<FederatedRound[]> {
    const rounds: FederatedRound[] = []
    let nextMs = performance.now() + FIRST_AFTER_MS
    do {
      await this.#mesh.rest(Math.max(0, nextMs - performance.now()))
      rounds.push(await this.#round(family))
      nextMs += EVERY_MS
    } while (nextMs + FIRST_AFTER_MS < untilMs)
    return rounds
  }

  async #round(family: Family): Promise<FederatedRound> {
    const { after } = await this.#client.call('askForRounds', { body: { count: 1, family } })
    for (;;) {
      await this.#mesh.rest(LOOK_MS)
      const { round, awaited } = await this.#client.call('federation')
      const isOver = awaited === 0 && round !== undefined && round.state !== 'open'
      if (isOver && round.number > after) return round
    }
  }

  /** Of the agents themselves, since they began. */
  #cpuMs(): number {
    return this.#mesh.nodes.reduce((sum, { pid }) => sum + cpuMs(pid), 0)
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
