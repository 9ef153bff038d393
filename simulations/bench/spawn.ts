/**
 * The other peer of `skein bench stages`: bare `child_process.spawn` of `/bin/true` in as many
 * processes as there are agents, with whatever number in flight is best for it.
 */
import { Children } from './children.ts'
import type { SpawnCount, SpawnNews, SpawnOrder, SpawnStdio, SpawnTask } from './spawn-worker.ts'

interface SpawnMeasured {
  readonly programsPerSecond: number
  /** In each process. */
  readonly inFlight: number
}

const IN_FLIGHT = [1, 2, 4, 8, 16]
const TRIAL_MS = 1_000
const WARM_UP_MS = 500
const FINALISTS = 2
const FINAL_MS = 4_000
const DEADLINE_MS = 60_000

type Crew = Children<SpawnOrder, SpawnNews>

export class Spawns {
  readonly inFlight: number
  private readonly crew: Crew

  private constructor(crew: Crew, inFlight: number) {
    this.crew = crew
    this.inFlight = inFlight
  }

  /** With the number in flight that is best for them in this hour, which is tried out here. */
  static async start(processes: number, stdio: SpawnStdio): Promise<Spawns> {
    const task: SpawnTask = { stdio }
    const crew: Crew = new Children('spawn-worker.ts', processes, task)
    try {
      await crew.until((all) => all.every((news) => news === 'ready'), DEADLINE_MS)
      await rate(crew, { inFlight: 1, forMs: WARM_UP_MS })
      const trials: SpawnMeasured[] = []
      for (const inFlight of IN_FLIGHT) trials.push(await rate(crew, { inFlight, forMs: TRIAL_MS }))
      const finals: SpawnMeasured[] = []
      for (const { inFlight } of trials.sort(fastest).slice(0, FINALISTS)) {
        finals.push(await rate(crew, { inFlight, forMs: FINAL_MS }))
      }
      return new Spawns(crew, finals.sort(fastest)[0]!.inFlight)
    } catch (error) {
      await crew.stop()
      throw error
    }
  }

  async perSecond(seconds: number): Promise<number> {
    const order = { inFlight: this.inFlight, forMs: seconds * 1_000 }
    return (await rate(this.crew, order)).programsPerSecond
  }

  stop(): Promise<void> {
    return this.crew.stop()
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
