/**
 * `skein bench runs`: a great many runs in flight at once. Each has three stages, and the middle one
 * waits for an event that is sent when all runs have come there. What each costs in memory is read
 * on the way, with a tenth of them in flight, with half and with all, and after their end: each time
 * when the agents have come to rest, for a busy one keeps what it will give back.
 */
import type { LocalNode } from '../mesh/layout.ts'
import { leaderOfAll } from './ledger-mesh.ts'
import { memoryFigures } from './memory-of-runs.ts'
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
/** Of all runs, how many are in flight when memory is read. */
const SHARES = [0.1, 0.5, 1]
const CALLERS = 32
const READ_EVERY_MS = 500
/** An agent that has become quiet collects after three of its samples, five seconds apart at most. */
const REST_MS = 20_000
/** By less no agent has let go of something. */
const FALL_BYTES = 2 ** 20
const REST_DEADLINE_MS = 300_000
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
    const readings = [{ runs: 0, bytes: await bench.reading() }]
    const startedMs = performance.now()
    let restedMs = 0
    for (const share of SHARES) {
      const runs = Math.ceil(count * share)
      await bench.begin(runs - readings.at(-1)!.runs)
      const begunMs = performance.now()
      readings.push({ runs, bytes: await bench.reading() })
      restedMs += performance.now() - begunMs
    }
    const beginsPerSecond = count / ((performance.now() - startedMs - restedMs) / 1_000)
    const inFlight = (await runs.going(GROUP)).length
    const { ended, endsPerSecond } = await bench.end()
    const after = await bench.reading()
    const figures = [
      { metric: 'in flight at once', unit: '', value: inFlight, ...mustBe(inFlight, count) },
      { metric: 'succeeded', unit: '', value: ended, ...mustBe(ended, count) },
      { metric: 'begun', unit: 'runs/s', value: beginsPerSecond },
      { metric: 'from the event to the end', unit: 'runs/s', value: endsPerSecond },
      ...memoryOf('leader', [leader.name], readings, after),
      ...memoryOf('others, the largest', namesBut(mesh.nodes, leader.name), readings, after),
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

  /** The lowest of each, until none has fallen for as long as one takes to rest. */
  async reading(): Promise<Reading> {
    const lowest = new Map<string, number>()
    const untilMs = performance.now() + REST_DEADLINE_MS
    for (let fellMs = performance.now(); performance.now() - fellMs < REST_MS; ) {
      if (performance.now() > untilMs) throw new Error('the memory of the agents does not rest')
      await this.mesh.rest(READ_EVERY_MS)
      for (const { name, pid } of this.mesh.nodes) {
        const now = residentBytesOf(pid)
        const before = lowest.get(name) ?? Number.POSITIVE_INFINITY
        if (now < before - FALL_BYTES) fellMs = performance.now()
        if (now < before) lowest.set(name, now)
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

/** Of several agents the one that has most. */
function memoryOf(
  who: string,
  names: readonly string[],
  readings: readonly { runs: number; bytes: Reading }[],
  after: Reading,
): Figure[] {
  const most = (of: Reading) => Math.max(...names.map((name) => of.get(name) ?? 0))
  return [
    ...memoryFigures(
      who,
      readings.map(({ runs, bytes }) => ({ runs, bytes: most(bytes) })),
    ),
    { metric: `${who}: after their end`, unit: 'MiB', value: most(after) / 2 ** 20 },
  ]
}

function mustBe(value: number, count: number): Pick<Figure, 'goal' | 'holds'> {
  return { goal: `= ${count}`, holds: value === count }
}

function namesBut(nodes: readonly LocalNode[], without: string): string[] {
  return nodes.map(({ name }) => name).filter((name) => name !== without)
}
