/**
 * The inside of `skein bench estop`: rounds of four kinds. In each all trees are begun, a person says
 * stop at one agent (in a partition, at one of either half), the pipes of the hosts tell when the
 * last process is dead, and the stop is released again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'

import type { Server } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exitCodes } from '../../protocol/exit-codes.ts'
import type { LocalNode } from '../mesh/layout.ts'
import { ChaosNetwork, hostOf } from './chaos-network.ts'
import type { EstopOptions } from './estop.ts'
import { passage } from './estop-agent.ts'
import { StopHand } from './estop-hand.ts'
import { Trees } from './estop-trees.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Interrupted, Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, percentile, report } from './report.ts'

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5']
const HALVES = [NAMES.slice(0, 3), NAMES.slice(3)] as const
const kinds = ['plain', 'saturated', 'leaderKilled', 'partition'] as const
type Kind = (typeof kinds)[number]

const goals: Readonly<Record<Kind, { metric: string; goalMs: number }>> = {
  plain: { metric: 'command to last process dead', goalMs: 100 },
  saturated: { metric: 'with the cores saturated besides', goalMs: 250 },
  leaderKilled: { metric: 'leader SIGKILLed just before, on the others', goalMs: 100 },
  partition: { metric: 'in both halves of a partition', goalMs: 100 },
}

const LOOPBACK = '127.0.0.1'
const RESTART_PAUSE_MS = 700
/** What others do with the cores: so many programs that spin, for each core. */
const SPINNERS_PER_CORE = 2
const BEGIN_DEADLINE_MS = 120_000
const DEATH_DEADLINE_MS = 60_000
const RELEASE_DEADLINE_MS = 60_000
/** Trees are let spin for a while before they are stopped. */
const SPIN_MS = 300
const LOOK_AGAIN_MS = 20

const agentProgram = fileURLToPath(new URL('estop-agent.ts', import.meta.url))

const passages = new Map<string, Server>()

/** What is asked of an agent goes to this host's loopback, and from there into its network. */
function commandOf(node: LocalNode, configFile: string): readonly string[] {
  if (!passages.has(node.name)) {
    const server = passage({ host: node.host, port: node.apiPort })
    passages.set(node.name, server.listen(node.apiPort, LOOPBACK))
  }
  const agent = [process.execPath, agentProgram, configFile, node.host, String(node.apiPort)]
  // Not by `ip netns exec`, which hides the control groups.
  return ['nsenter', `--net=/run/netns/${node.name}`, ...agent]
}

interface Round {
  /** Of each host that was to be stopped, from the command on. */
  deadMs: number[]
  /** Until the agent that was asked knew it of all that it could reach. */
  confirmedMs: number
  /** Of a host whose agent was dead: until it was back and had stopped its trees. */
  backMs: number | undefined
}

class Bench {
  private readonly mesh: Mesh
  private readonly network: ChaosNetwork
  private readonly directory: string
  private readonly trees: number
  private readonly runs: MeshRuns
  private readonly hand: StopHand
  private rounds = 0

  constructor(mesh: Mesh, network: ChaosNetwork, directory: string, trees: number) {
    this.mesh = mesh
    this.network = network
    this.directory = directory
    this.trees = trees
    this.runs = new MeshRuns(mesh)
    this.hand = new StopHand(mesh.nodes)
  }

  async round(kind: Kind): Promise<Round> {
    const round = this.rounds++
    const leader = (await leaderOfAll(this.mesh)).name
    const trees = new Trees(join(this.directory, String(round)), NAMES)
    let spinners: ChildProcess[] = []
    try {
      const total = NAMES.length * this.trees
      const group = `trees-${round}`
      await this.runs.begin({ workflow: trees.workflow(total), group })
      await this.until(() => trees.begun >= total, `${total} trees`)
      trees.letGo()
      // Not before: beside them a hundred trees would take minutes to begin.
      if (kind === 'saturated') spinners = spin()
      await this.mesh.rest(SPIN_MS)
      const measured = await this.stop(kind, trees, leader)
      await this.runs.untilNoneGoes(group, RELEASE_DEADLINE_MS)
      await this.hand.release(NAMES[round % NAMES.length]!)
      await this.hand.untilInForce(NAMES, 0, RELEASE_DEADLINE_MS)
      return measured
    } finally {
      for (const each of spinners) each.kill('SIGKILL')
      trees.close()
    }
  }

  private async stop(kind: Kind, trees: Trees, leader: string): Promise<Round> {
    const { hand, network } = this
    if (kind === 'partition') network.cut(cutsBetween(...HALVES))
    const others = NAMES.filter((name) => name !== leader)
    const asked = kind === 'partition' ? HALVES.map(([first]) => first!) : [others[0]!]
    const states = await Promise.all(asked.map((at) => hand.state(at)))
    if (kind === 'leaderKilled') {
      process.kill(this.mesh.nodes.find(({ name }) => name === leader)!.pid, 'SIGKILL')
    }
    const saidMs = performance.now()
    const words = await Promise.all(asked.map((at, i) => hand.raise(at, states[i]!)))
    const stopped = kind === 'leaderKilled' ? others : NAMES
    const meant = stopped.filter((name) => !trees.spared.includes(name))
    if (!(await trees.allDead(meant, DEATH_DEADLINE_MS))) {
      throw new Error(`processes live on after ${DEATH_DEADLINE_MS / 1_000} s`)
    }
    const reached = kind === 'partition' ? HALVES[0] : stopped
    const confirmedMs = (await this.confirmed(asked[0]!, words[0]!, reached)) - saidMs
    const deadMs = meant.map((name) => trees.deadMs.get(name)! - saidMs)
    if (kind === 'leaderKilled') await trees.allDead(NAMES, DEATH_DEADLINE_MS)
    if (kind === 'partition') network.cut(new Set())
    await hand.untilInForce(NAMES, asked.length, RELEASE_DEADLINE_MS)
    const backMs = kind === 'leaderKilled' ? trees.deadMs.get(leader)! - saidMs : undefined
    return { deadMs, confirmedMs, backMs }
  }

  private async confirmed(at: string, word: string, names: readonly string[]): Promise<number> {
    let nowMs = 0
    await this.until(async () => {
      const { nodes } = await this.hand.state(at, word)
      nowMs = performance.now()
      return nodes.every(({ name, answer }) => answer === 'done' || !names.includes(name))
    }, 'all to confirm')
    return nowMs
  }

  private async until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const untilMs = performance.now() + BEGIN_DEADLINE_MS
    while (!(await isSo())) {
      if (performance.now() > untilMs) throw new Error(`waited in vain for ${what}`)
      await this.mesh.rest(LOOK_AGAIN_MS)
    }
  }
}

function cutsBetween(left: readonly string[], right: readonly string[]): Set<string> {
  return new Set(left.flatMap((a) => right.flatMap((b) => [`${a}>${b}`, `${b}>${a}`])))
}

function spin(): ChildProcess[] {
  const count = SPINNERS_PER_CORE * cpus().length
  return Array.from({ length: count }, () => spawn('sh', ['-c', 'while :; do :; done']))
}

function figuresOf(kind: Kind, rounds: readonly Round[]): Figure[] {
  const { metric, goalMs } = goals[kind]
  const last = rounds.map(({ deadMs }) => Math.max(...deadMs))
  const p99 = percentile(last, 0.99)
  const figures: Figure[] = [
    { metric: `${metric}, median`, unit: 'ms', value: percentile(last, 0.5) },
    { metric: `${metric}, p99`, unit: 'ms', value: p99, goal: `< ${goalMs}`, holds: p99 < goalMs },
    {
      metric: '  seen and confirmed by all reached, median',
      unit: 'ms',
      value: percentile(
        rounds.map(({ confirmedMs }) => confirmedMs),
        0.5,
      ),
    },
  ]
  const back = rounds.flatMap(({ backMs }) => backMs ?? [])
  if (back.length === 0) return figures
  const value = percentile(back, 0.5)
  return [
    ...figures,
    { metric: '  on the host of the killed, once back, median', unit: 'ms', value },
  ]
}

async function run({ rounds, trees, json }: EstopOptions): Promise<number> {
  const network = new ChaosNetwork(NAMES)
  const directory = mkdtempSync(join(tmpdir(), 'skein-estop-'))
  const mesh = await Mesh.start(NAMES.length, {
    restartPauseMs: RESTART_PAUSE_MS,
    hostOf,
    apiHost: LOOPBACK,
    commandOf,
  })
  try {
    const bench = new Bench(mesh, network, directory, Number(trees))
    const figures: Figure[] = []
    for (const kind of kinds) {
      const measured: Round[] = []
      for (let i = 0; i < Number(rounds); i++) {
        const round = await bench.round(kind)
        measured.push(round)
        process.stderr.write(
          `${kind} ${i + 1}: ${round.deadMs.map((ms) => ms.toFixed(0)).join(' ')} ms, confirmed after ${round.confirmedMs.toFixed(0)} ms\n`,
        )
      }
      figures.push(...figuresOf(kind, measured))
    }
    const title = `emergency stop, ${NAMES.length} agents with ${trees} trees each, ${rounds} rounds`
    return report(title, figures, json)
  } finally {
    await mesh.stop()
    for (const server of passages.values()) server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

try {
  process.exitCode = await run(JSON.parse(process.argv[2] ?? '{}') as EstopOptions)
} catch (error) {
  if (!(error instanceof Interrupted)) throw error
  process.exitCode = exitCodes.interrupted
}
