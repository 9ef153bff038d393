/**
 * The inside of `skein bench estop`: rounds of four kinds. In each all trees are begun, a person says
 * stop at one agent (in a partition, at one of either half), the pipes of the hosts tell when the
 * last process is dead, and the stop is released again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalNode } from '../mesh/layout.ts'
import { ChaosNetwork, hostOf } from './chaos-network.ts'
import type { EstopOptions } from './estop.ts'
import { passage } from './estop-agent.ts'
import { figuresOf, type Kind, kinds, type Round, roundText } from './estop-figures.ts'
import { StopHand } from './estop-hand.ts'
import { stepsAfter, type Times, WRITTEN_AFTER_MS } from './estop-steps.ts'
import { Trees } from './estop-trees.ts'
import { Witness } from './estop-witness.ts'
import { inside } from './inside.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { monotonicMs } from './monotonic.ts'
import { wantedIn } from './only.ts'
import { type Figure, report } from './report.ts'

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5']
const HALVES = [NAMES.slice(0, 3), NAMES.slice(3)] as const
const LOOPBACK = '127.0.0.1'
const RESTART_PAUSE_MS = 700
/** What others do with the cores: so many processes that spin, for each core. */
const SPINNERS_PER_CORE = 2
const BEGIN_DEADLINE_MS = 120_000
const DEATH_DEADLINE_MS = 60_000
const RELEASE_DEADLINE_MS = 60_000
/** Trees are let spin for a while before they are stopped. */
const SPIN_MS = 1_000
/** Rounds of a kind that told nothing. */
const VOID_ROUNDS_MAX = 10
const LOOK_AGAIN_MS = 20
const TICK_MS = 10

const asAgent = fileURLToPath(new URL('as-agent.js', import.meta.url))
const agentProgram = fileURLToPath(new URL('estop-agent.ts', import.meta.url))

const passages = new Map<string, Server>()

/** What is asked of an agent goes to this host's loopback, and from there into its network. */
function commandOf(node: LocalNode, configFile: string): readonly string[] {
  if (!passages.has(node.name)) {
    const server = passage({ host: node.host, port: node.apiPort })
    passages.set(node.name, server.listen(node.apiPort, LOOPBACK))
  }
  const given = [configFile, node.host, String(node.apiPort)]
  const agent = [process.execPath, asAgent, agentProgram, ...given]
  // Not by `ip netns exec`, which hides the control groups. In a session of its own, between which
  // the kernel shares out cores as between services: an agent is one, and so are its neighbours.
  return ['setsid', 'nsenter', `--net=/run/netns/${node.name}`, ...agent]
}

class Bench {
  private readonly mesh: Mesh
  private readonly network: ChaosNetwork
  private readonly directory: string
  private readonly witness: Witness
  private readonly options: EstopOptions
  private readonly runs: MeshRuns
  private readonly hand: StopHand
  private rounds = 0

  constructor(
    mesh: Mesh,
    network: ChaosNetwork,
    directory: string,
    witness: Witness,
    options: EstopOptions,
  ) {
    this.mesh = mesh
    this.network = network
    this.directory = directory
    this.witness = witness
    this.options = options
    this.runs = new MeshRuns(mesh)
    this.hand = new StopHand(mesh.nodes)
  }

  /** Undefined where trees ended before they were stopped: there is nothing to be learnt from it. */
  async round(kind: Kind): Promise<Round | undefined> {
    const round = this.rounds++
    const trees = new Trees(join(this.directory, String(round)), NAMES, this.witness)
    let spinners: ChildProcess | undefined
    try {
      const total = NAMES.length * Number(this.options.trees)
      const group = `trees-${round}`
      await this.runs.begin({ workflow: trees.workflow(total), group })
      await this.until(() => trees.begun >= total, `${total} trees`)
      const leader = (await leaderOfAll(this.mesh)).name
      await trees.letGo()
      if (kind === 'saturated') spinners = spin()
      await this.mesh.rest(SPIN_MS)
      const measured = await this.stop(kind, trees.hosts, leader)
      await this.runs.untilNoneGoes(group, RELEASE_DEADLINE_MS)
      await this.hand.release(NAMES[round % NAMES.length]!, RELEASE_DEADLINE_MS)
      await this.hand.untilInForce(NAMES, 0, RELEASE_DEADLINE_MS)
      return measured
    } finally {
      if (spinners?.pid !== undefined) process.kill(-spinners.pid, 'SIGKILL')
      trees.close()
    }
  }

  private async stop(
    kind: Kind,
    hosts: readonly string[],
    leader: string,
  ): Promise<Round | undefined> {
    const { hand, network, witness } = this
    if (kind === 'partition') network.cut(cutsBetween(...HALVES))
    const others = NAMES.filter((name) => name !== leader)
    const asked = kind === 'partition' ? HALVES.map(([first]) => first!) : [others[0]!]
    const states = await Promise.all(asked.map((at) => hand.stateAtLast(at, BEGIN_DEADLINE_MS)))
    if (kind === 'leaderKilled') this.kill(leader)
    const inhabited = new Set(witness.inhabited)
    const takenBefore = takenMs()
    const saidMs = monotonicMs()
    const said = await Promise.all(asked.map((at, i) => hand.raise(at, states[i]!)))
    const stopped = kind === 'leaderKilled' ? others : NAMES
    const meant = stopped.filter((name) => inhabited.has(name))
    await this.untilDead(meant)
    const takenAway = takenMs() - takenBefore
    const reached = kind === 'partition' ? HALVES[0] : stopped
    const confirmedMs = (await this.confirmed(asked[0]!, said[0]!.word, reached)) - saidMs
    const deadMs = this.sinceDead(meant, saidMs)
    if (kind === 'leaderKilled' && inhabited.has(leader)) await this.untilDead([leader])
    if (kind === 'partition') network.cut(new Set())
    await hand.untilInForce(NAMES, asked.length, RELEASE_DEADLINE_MS)
    const backMs =
      kind === 'leaderKilled' ? this.sinceDead([leader], saidMs).get(leader) : undefined
    const signedMs = Math.max(...said.map(({ signedMs }) => signedMs)) - saidMs
    // Where everybody died by itself nothing was stopped.
    if (!hosts.every((host) => inhabited.has(host))) return undefined
    const { stillMs } = witness
    const steps = await this.stepsOf(meant, saidMs)
    return { deadMs, confirmedMs, backMs, signedMs, stillMs, takenMs: takenAway, steps }
  }

  private async untilDead(hosts: readonly string[]): Promise<void> {
    if (await this.witness.allDead(hosts, DEATH_DEADLINE_MS)) return
    const { inhabited } = this.witness
    const left = hosts.filter((host) => inhabited.includes(host)).join(', ')
    throw new Error(`processes live on after ${DEATH_DEADLINE_MS / 1_000} s on ${left}`)
  }

  private kill(name: string): void {
    const pid = this.mesh.nodes.find((node) => node.name === name)?.pid
    // Nobody is to be killed by the number 0, which means everybody here.
    if (!pid) throw new Error(`${name} is to be killed, and does not run`)
    process.kill(pid, 'SIGKILL')
  }

  private sinceDead(hosts: readonly string[], saidMs: number): Map<string, number> {
    return new Map(
      hosts.flatMap((host) => {
        const deadMs = this.witness.deadMs(host)
        return deadMs === undefined ? [] : [[host, deadMs - saidMs]]
      }),
    )
  }

  private async stepsOf(hosts: readonly string[], saidMs: number): Promise<Map<string, Times>> {
    if (!this.options.where) return new Map()
    await this.mesh.rest(2 * WRITTEN_AFTER_MS)
    const nodes = this.mesh.nodes.filter(({ name }) => hosts.includes(name))
    return new Map(nodes.map((node) => [node.name, stepsAfter(node, saidMs)]))
  }

  private async confirmed(at: string, word: string, names: readonly string[]): Promise<number> {
    let nowMs = 0
    await this.until(async () => {
      const { nodes } = await this.hand.stateAtLast(at, BEGIN_DEADLINE_MS, word)
      nowMs = monotonicMs()
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

/** What whoever hosts this machine has taken of its cores, in all of its life; in steps of 10 ms. */
function takenMs(): number {
  const [, , , , , , , , ticks = 0] = readFileSync('/proc/stat', 'latin1')
    .split(/\s+/, 9)
    .map(Number)
  return ticks * TICK_MS
}

function cutsBetween(left: readonly string[], right: readonly string[]): Set<string> {
  return new Set(left.flatMap((a) => right.flatMap((b) => [`${a}>${b}`, `${b}>${a}`])))
}

/** Of others, in a group and a session of its own. */
function spin(): ChildProcess {
  const count = SPINNERS_PER_CORE * cpus().length
  const script = `${'while :; do :; done & '.repeat(count)} wait`
  return spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' })
}

/** As many as are asked for. */
async function roundsOf(bench: Bench, kind: Kind, options: EstopOptions): Promise<Round[]> {
  const measured: Round[] = []
  let voids = 0
  while (measured.length < Number(options.rounds)) {
    const round = await bench.round(kind)
    if (round === undefined) {
      process.stderr.write(`${kind}: trees ended by themselves, once more\n`)
      if (++voids > VOID_ROUNDS_MAX) throw new Error(`${voids} rounds of ${kind} in vain`)
      continue
    }
    measured.push(round)
    process.stderr.write(roundText(`${kind} ${measured.length}`, round, options.where))
  }
  return measured
}

async function run(options: EstopOptions): Promise<number> {
  const { rounds, trees, only, where, json } = options
  const network = new ChaosNetwork(NAMES)
  const directory = mkdtempSync(join(tmpdir(), 'skein-estop-'))
  const witness = new Witness()
  const mesh = await Mesh.start(NAMES.length, {
    restartPauseMs: RESTART_PAUSE_MS,
    hostOf,
    apiHost: LOOPBACK,
    commandOf,
  })
  let isOver = false
  try {
    const bench = new Bench(mesh, network, directory, witness, options)
    const figures: Figure[] = []
    for (const kind of wantedIn(only, kinds, 'kind of round')) {
      figures.push(...figuresOf(kind, await roundsOf(bench, kind, options), where))
    }
    const title = `emergency stop, ${NAMES.length} agents with ${trees} trees each, ${rounds} rounds`
    isOver = true
    return report(title, figures, json)
  } finally {
    await mesh.stop({ keeping: !isOver })
    witness.close()
    for (const server of passages.values()) server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

const options = JSON.parse(process.argv[2] ?? '{}') as EstopOptions
await inside(options.json, () => run(options))
