/**
 * `skein bench runs`: a great many runs in flight at once. Each has three stages, and the middle one
 * waits for an event that is sent when all runs have come there. What each costs in memory is read
 * on the way, with a tenth of them in flight and with all, and after their end.
 */
import type { LocalNode } from '../mesh/layout.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { Mesh } from './mesh.ts'
import { MeshRuns } from './mesh-runs.ts'
import { type Figure, report } from './report.ts'
import { residentBytesOf } from './resident.ts'

export interface RunsOptions {
  count: string
  agents: string
  json: boolean
}

const EVENT = 'allTogether'
const GROUP = 'runs'
const FIRST_SHARE = 0.1
/** A run among many may cost so much more than one among a tenth of them. */
const FLAT_SHARE = 1.25
const CALLERS = 32
/** What is young and dead is collected now and then: the lowest of some readings counts. */
const READINGS = 6
const READ_EVERY_MS = 500
/** By so much memory may differ from one reading to the next for no reason of ours. */
const TREMBLE_BYTES = 4 * 2 ** 20
const WARM_UP_RUNS = 200
const END_DEADLINE_MS = 600_000
const LOOK_AGAIN_MS = 250

const workflow = JSON.stringify({
  apiVersion: 'skein/v1',
  kind: 'Workflow',
  name: 'one-of-many',
  stages: {
    before: { function: 'skein:noop' },
    together: { needs: ['before'], await: EVENT },
    after: { needs: ['together'], function: 'skein:noop' },
  },
})

/** Bytes of each agent. */
type Reading = ReadonlyMap<string, number>

export async function benchRuns(options: RunsOptions): Promise<number> {
  const count = Number(options.count)
  const mesh = await Mesh.start(Number(options.agents))
  try {
    const leader = await leaderOfAll(mesh)
    const runs = new MeshRuns(mesh)
    const bench = new Bench(mesh, runs, await runs.publish(workflow))
    await bench.warmUp()
    const before = await bench.reading()
    const first = Math.ceil(count * FIRST_SHARE)
    await bench.begin(first)
    const some = await bench.reading()
    const startedMs = performance.now()
    await bench.begin(count - first)
    const beginsPerSecond = (count - first) / ((performance.now() - startedMs) / 1_000)
    const all = await bench.reading()
    const inFlight = (await runs.going(GROUP)).length
    const { ended, endsPerSecond } = await bench.end()
    const after = await bench.reading()
    const figures = [
      { metric: 'in flight at once', unit: '', value: inFlight, ...mustBe(inFlight, count) },
      { metric: 'succeeded', unit: '', value: ended, ...mustBe(ended, count) },
      { metric: 'begun', unit: 'runs/s', value: beginsPerSecond },
      { metric: 'from the event to the end', unit: 'runs/s', value: endsPerSecond },
      ...memoryOf('leader', [leader.name], { before, some, all, after }, { first, count }),
      ...memoryOf(
        'others, the largest',
        namesBut(mesh.nodes, leader.name),
        { before, some, all, after },
        { first, count },
      ),
    ]
    return report(`runs, ${count} at once on ${options.agents} agents`, figures, options.json)
  } finally {
    await mesh.stop()
  }
}

class Bench {
  private readonly mesh: Mesh
  private readonly runs: MeshRuns
  private readonly workflow: string

  constructor(mesh: Mesh, runs: MeshRuns, workflow: string) {
    this.mesh = mesh
    this.runs = runs
    this.workflow = workflow
  }

  /** Otherwise the code itself, and what comes with it, would count as memory of runs. */
  async warmUp(): Promise<void> {
    const group = 'warm-up'
    await this.beginIn(group, WARM_UP_RUNS)
    await this.runs.signal(EVENT)
    await this.runs.untilAllSucceeded(group, END_DEADLINE_MS)
  }

  begin(count: number): Promise<void> {
    return this.beginIn(GROUP, count)
  }

  async reading(): Promise<Reading> {
    const lowest = new Map<string, number>()
    for (let i = 0; i < READINGS; i++) {
      await this.mesh.rest(READ_EVERY_MS)
      for (const { name, pid } of this.mesh.nodes) {
        lowest.set(
          name,
          Math.min(lowest.get(name) ?? Number.POSITIVE_INFINITY, residentBytesOf(pid)),
        )
      }
    }
    return lowest
  }

  async end(): Promise<{ ended: number; endsPerSecond: number }> {
    const startedMs = performance.now()
    await this.runs.signal(EVENT)
    const ended = (await this.runs.untilAllSucceeded(GROUP, END_DEADLINE_MS)).length
    return { ended, endsPerSecond: ended / ((performance.now() - startedMs) / 1_000) }
  }

  /** Begins them, and waits until each has come to wait for the event. */
  private async beginIn(group: string, count: number): Promise<void> {
    let left = count
    let last: string | undefined
    const caller = async () => {
      while (left > 0) {
        left--
        last = (await this.runs.begin({ workflow: this.workflow, published: true, group })).id
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, caller))
    while (last !== undefined && !(await this.waits(last))) await this.mesh.rest(LOOK_AGAIN_MS)
  }

  private async waits(run: string): Promise<boolean> {
    const { stages } = await this.runs.detail(run)
    return stages.some(({ waitsFor }) => waitsFor === 'signal')
  }
}

interface Readings {
  before: Reading
  some: Reading
  all: Reading
  after: Reading
}

function memoryOf(
  who: string,
  names: readonly string[],
  { before, some, all, after }: Readings,
  { first, count }: { first: number; count: number },
): Figure[] {
  const most = (of: Reading) => Math.max(...names.map((name) => of.get(name) ?? 0))
  const eachOf = (reading: Reading, runs: number) => (most(reading) - most(before)) / runs / 1_024
  const [eachOfSome, eachOfAll] = [eachOf(some, first), eachOf(all, count)]
  const trembleKiB = TREMBLE_BYTES / first / 1_024
  const mib = (metric: string, reading: Reading) => ({
    metric: `${who}: ${metric}`,
    unit: 'MiB',
    value: most(reading) / 2 ** 20,
  })
  return [
    mib('memory before', before),
    mib(`with ${count} in flight`, all),
    mib('after their end', after),
    { metric: `${who}: a run, with ${first} in flight`, unit: 'KiB', value: eachOfSome },
    {
      metric: `${who}: a run, with ${count} in flight`,
      unit: 'KiB',
      value: eachOfAll,
      goal: `<= ${FLAT_SHARE} × with ${first}, give or take ${Math.ceil(trembleKiB)}`,
      holds: eachOfAll <= Math.max(0, eachOfSome) * FLAT_SHARE + trembleKiB,
    },
  ]
}

function mustBe(value: number, count: number): Pick<Figure, 'goal' | 'holds'> {
  return { goal: `= ${count}`, holds: value === count }
}

function namesBut(nodes: readonly LocalNode[], without: string): string[] {
  return nodes.map(({ name }) => name).filter((name) => name !== without)
}
