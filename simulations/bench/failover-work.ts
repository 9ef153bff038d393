/**
 * `skein bench failover-work`: five real agents with hundreds of stages in flight. Of each round, the
 * first half kills the leader: how soon is the next stage dispatched, is nothing that runs elsewhere
 * begun again, is nothing lost or doubled? The second half kills another agent: how soon do its
 * stages run elsewhere? All times are the ledger's, which are those of this machine.
 */
import { processStart } from '../mesh/layout.ts'
import { workflowText } from '../workloads/shape.ts'
import { chain, fan } from '../workloads/shapes.ts'
import { type AfterKill, type BeforeKill, judgedAfter, placesIn } from './failover-verdict.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, percentile, report } from './report.ts'

export interface FailoverWorkOptions {
  rounds: string
  stages: string
  json: boolean
}

const NODES = 5
const DISPATCH_GOAL_MS = 500
const ELSEWHERE_GOAL_MS = 2_000
/** Long enough that every stage of before the kill still runs when another leader is there. */
const STAGE_SECONDS = 8
/** Short ones beside them, so that at any moment there is a next one to dispatch. */
const TICKERS = 10
const TICK_SECONDS = 0.05
const TICKS = 60
/** Later than any other agent may take to do without the one that was killed. */
const RESTART_PAUSE_MS = 5_000
const IN_FLIGHT_DEADLINE_MS = 30_000
const END_DEADLINE_MS = 120_000
const LOOK_AGAIN_MS = 20
const GONE_LOOK_MS = 1

export async function benchFailoverWork(options: FailoverWorkOptions): Promise<number> {
  const mesh = await Mesh.start(NODES, { restartPauseMs: RESTART_PAUSE_MS })
  const [leaders, others]: AfterKill[][] = [[], []]
  try {
    const bench = new Bench(mesh, Number(options.stages))
    for (let round = 0; round < Number(options.rounds); round++) {
      leaders!.push(await bench.kill('leader', `${round}-leader`))
      others!.push(await bench.kill('other', `${round}-other`))
    }
  } finally {
    await mesh.stop()
  }
  const title = `failover with ${options.stages} stages in flight, ${NODES} agents, ${options.rounds} rounds`
  return report(title, figuresOf(leaders!, others!), options.json)
}

class Bench {
  private readonly mesh: Mesh
  private readonly runs: MeshRuns
  private readonly stages: number
  /** So that it is not always the same agent's turn. */
  private kills = 0

  constructor(mesh: Mesh, stages: number) {
    this.mesh = mesh
    this.runs = new MeshRuns(mesh)
    this.stages = stages
  }

  async kill(who: 'leader' | 'other', group: string): Promise<AfterKill> {
    const { mesh, runs } = this
    const leader = await leaderOfAll(mesh)
    const wide = workflowText(fan(this.stages, { seconds: STAGE_SECONDS }), 'sleep')
    const { id } = await runs.begin({ workflow: wide, group })
    const ticker = workflowText(chain(TICKS, { seconds: TICK_SECONDS }), 'sleep')
    const tickers = Array.from({ length: TICKERS }, () => runs.begin({ workflow: ticker, group }))
    const ids = [id, ...(await Promise.all(tickers)).map((run) => run.id)]
    const places = await this.allInFlight(id)
    const fitting = mesh.nodes.filter(({ name }) => (name === leader.name) === (who === 'leader'))
    const victim = fitting[this.kills++ % fitting.length]!
    const before = { places, victim: victim.name, ...(await killed(victim.pid)) }
    // Who has just come back does not know yet what became of the runs.
    await leaderOfAll(mesh)
    await runs.untilAllSucceeded(group, END_DEADLINE_MS)
    const details = await Promise.all(ids.map((run) => runs.detail(run)))
    const after = judgedAfter(before, details[0]!, details.slice(1))
    process.stderr.write(
      `${who} ${before.victim} killed: next dispatch after ${after.dispatchMs} ms, its ${after.onVictim} stages elsewhere after ${after.elsewhereMs} ms\n`,
    )
    return after
  }

  private async allInFlight(run: string): Promise<BeforeKill['places']> {
    const untilMs = performance.now() + IN_FLIGHT_DEADLINE_MS
    for (;;) {
      const places = placesIn(await this.runs.detail(run))
      if (places.size === this.stages) return places
      if (performance.now() > untilMs) throw new Error(`only ${places.size} stages are in flight`)
      await this.mesh.rest(LOOK_AGAIN_MS)
    }
  }
}

/** When the signal was sent, and when the process was certainly gone. */
async function killed(pid: number): Promise<{ killedMs: number; goneMs: number }> {
  const killedMs = Date.now()
  process.kill(pid, 'SIGKILL')
  while (processStart(pid) !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, GONE_LOOK_MS))
  }
  return { killedMs, goneMs: Date.now() }
}

function figuresOf(leaders: readonly AfterKill[], others: readonly AfterKill[]): Figure[] {
  const both = [...leaders, ...others]
  const dispatches = leaders.map(({ dispatchMs }) => dispatchMs)
  const dispatchMs = percentile(dispatches, 0.5)
  const elsewhere = others.map(({ elsewhereMs }) => elsewhereMs)
  const elsewhereMs = percentile(elsewhere, 1)
  const sum = (of: (after: AfterKill) => number) => both.reduce((total, one) => total + of(one), 0)
  const none = (metric: string, value: number): Figure => ({
    metric,
    unit: 'stages',
    value,
    goal: '= 0',
    holds: value === 0,
  })
  return [
    {
      metric: 'killed leader to the next dispatch, median',
      unit: 'ms',
      value: dispatchMs,
      goal: `< ${DISPATCH_GOAL_MS}`,
      holds: dispatchMs < DISPATCH_GOAL_MS,
    },
    { metric: 'the same, slowest', unit: 'ms', value: percentile(dispatches, 1) },
    {
      metric: 'killed agent to the last of its stages elsewhere, slowest round',
      unit: 'ms',
      value: elsewhereMs,
      goal: `<= ${ELSEWHERE_GOAL_MS}`,
      holds: elsewhereMs <= ELSEWHERE_GOAL_MS,
    },
    { metric: 'the same, median', unit: 'ms', value: percentile(elsewhere, 0.5) },
    {
      metric: 'killed leader to the last of its own stages elsewhere, slowest round',
      unit: 'ms',
      value: percentile(
        leaders.map((one) => one.elsewhereMs),
        1,
      ),
    },
    {
      metric: 'stages on the agents that were killed',
      unit: 'stages',
      value: sum((one) => one.onVictim),
    },
    none(
      'begun again though their agent lived',
      sum((one) => one.restarted),
    ),
    none(
      'lost',
      sum((one) => one.lost),
    ),
    none(
      'doubled',
      sum((one) => one.doubled),
    ),
  ]
}
