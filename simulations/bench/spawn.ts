/**
 * The other peer of `skein bench stages`: bare `child_process.spawn` of `/bin/true` in as many
 * processes as there are agents, with whatever number in flight is best for it.
 */
import { Children } from './children.ts'
import type { SpawnCount, SpawnNews, SpawnOrder, SpawnStdio, SpawnTask } from './spawn-worker.ts'

export interface SpawnAsked {
  readonly processes: number
  readonly seconds: number
  readonly stdio: SpawnStdio
}

export interface SpawnMeasured {
  readonly programsPerSecond: number
  /** In each process. */
  readonly inFlight: number
}

const IN_FLIGHT = [1, 2, 4, 8, 16]
const TRIAL_MS = 1_000
const WARM_UP_MS = 500
const FINALISTS = 2
const DEADLINE_MS = 60_000

type Crew = Children<SpawnOrder, SpawnNews>

export async function measureSpawn(asked: SpawnAsked): Promise<SpawnMeasured> {
  const task: SpawnTask = { stdio: asked.stdio }
  const crew: Crew = new Children('spawn-worker.ts', asked.processes, task)
  try {
    await crew.until((all) => all.every((news) => news === 'ready'), DEADLINE_MS)
    await rate(crew, { inFlight: 1, forMs: WARM_UP_MS })
    const trials: SpawnMeasured[] = []
    for (const inFlight of IN_FLIGHT) trials.push(await rate(crew, { inFlight, forMs: TRIAL_MS }))
    const finals: SpawnMeasured[] = []
    for (const { inFlight } of trials.sort(fastest).slice(0, FINALISTS)) {
      finals.push(await rate(crew, { inFlight, forMs: asked.seconds * 1_000 }))
    }
    return finals.sort(fastest)[0]!
  } finally {
    await crew.stop()
  }
}

function fastest(a: SpawnMeasured, b: SpawnMeasured): number {
  return b.programsPerSecond - a.programsPerSecond
}

/** Of all together: from the first that begins, until the last has ended. */
async function rate(crew: Crew, order: SpawnOrder): Promise<SpawnMeasured> {
  crew.forget()
  crew.tell(order)
  const all = await crew.until((news) => news.every(isCount), order.forMs + DEADLINE_MS)
  const counts = all.filter(isCount)
  const programs = counts.reduce((sum, count) => sum + count.programs, 0)
  const fromMs = Math.min(...counts.map((count) => count.fromMs))
  const untilMs = Math.max(...counts.map((count) => count.untilMs))
  return {
    programsPerSecond: programs / ((untilMs - fromMs) / 1_000),
    inFlight: order.inFlight,
  }
}

function isCount(news: SpawnNews | undefined): news is SpawnCount {
  return typeof news === 'object'
}
