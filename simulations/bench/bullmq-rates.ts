/**
 * How many jobs a second BullMQ's workers complete. As `flows` it is asked what the mesh is asked:
 * runs of so many jobs, begun while the clock runs, each known to be over when all its jobs are, and
 * everything there to be looked at afterwards. As `lots` the jobs come and are kept the same way, and
 * belong to nothing. `rateOfJobs` asks for the least: they are all queued before the clock starts, and
 * forgotten when they are done.
 */
import { type Crew, type Crews, countAnew, counted, forgotten, kept } from './bullmq-crew.ts'
import type { Flow, JobOptions, Queue } from './bullmq-library.ts'

export interface Rate {
  readonly concurrency: number
  readonly jobsPerSecond: number
}

/** How the jobs of a run are begun. */
export type Way = 'flows' | 'lots'

export interface RunsAsked {
  readonly seconds: number
  /** Jobs of a run, beside the one that stands for it. */
  readonly width: number
  readonly runsAtOnce: number
}

const CONCURRENCIES = [1, 10, 50, 100]
const FINALISTS = 2
const WARM_UP_SHARE = 0.5
const WARM_UP_JOBS = 5_000
const TRIAL_JOBS = 10_000
const TRIAL_SECONDS = 1
const JOBS_AT_ONCE = 1_000

export function rateOfJobs(crews: Crews, seconds: number): Promise<Rate> {
  return best(
    (concurrency) => jobs(crews, concurrency, TRIAL_JOBS),
    ({ concurrency, jobsPerSecond }) =>
      jobs(crews, concurrency, Math.ceil(jobsPerSecond * seconds)),
  )
}

export function rateOfRuns(crews: Crews, way: Way, asked: RunsAsked): Promise<Rate> {
  return best(
    (concurrency) => runs(crews, concurrency, way, { ...asked, seconds: TRIAL_SECONDS }),
    ({ concurrency }) => runs(crews, concurrency, way, asked),
  )
}

/** Short trials may err by a little: the best of them are measured for as long as was asked. */
async function best(
  trial: (concurrency: number) => Promise<Rate>,
  final: (finalist: Rate) => Promise<Rate>,
): Promise<Rate> {
  const trials: Rate[] = []
  for (const concurrency of CONCURRENCIES) trials.push(await trial(concurrency))
  const finals: Rate[] = []
  for (const finalist of fastestFirst(trials).slice(0, FINALISTS)) {
    finals.push(await final(finalist))
  }
  return fastestFirst(finals)[0]!
}

function fastestFirst(rates: readonly Rate[]): Rate[] {
  return [...rates].sort((a, b) => b.jobsPerSecond - a.jobsPerSecond)
}

/** From the moment when workers may begin on a full queue, until the last job has completed. */
function jobs(crews: Crews, concurrency: number, count: number): Promise<Rate> {
  return crews.on(`jobs-${concurrency}-${count}`, concurrency, async (queue, crew) => {
    await fill(queue, WARM_UP_JOBS)
    crew.tell('run')
    await counted(crew, WARM_UP_JOBS)
    await queue.pause()
    await fill(queue, count)
    await countAnew(crew)
    const startMs = Date.now()
    await queue.resume()
    const { lastMs } = await counted(crew, count)
    return { concurrency, jobsPerSecond: count / ((lastMs - startMs) / 1_000) }
  })
}

async function fill(queue: Queue, count: number): Promise<void> {
  for (let left = count; left > 0; left -= JOBS_AT_ONCE) {
    await queue.addBulk(lotOf(Math.min(left, JOBS_AT_ONCE), forgotten))
  }
}

function lotOf(count: number, opts: JobOptions) {
  return Array.from({ length: count }, () => ({ name: 'noop', data: {}, opts }))
}

function runs(
  crews: Crews,
  concurrency: number,
  way: Way,
  { seconds, width, runsAtOnce }: RunsAsked,
): Promise<Rate> {
  const name = `${way}-${concurrency}-${seconds}`
  return crews.on(name, concurrency, async (queue, crew) => {
    const { connection, library } = crews
    const producer = new library.FlowProducer({ connection })
    const begin = {
      flows: () => producer.add(flowOf(name, width)),
      lots: () => queue.addBulk(lotOf(width, kept)),
    }[way]
    const jobsEach = { flows: width + 1, lots: width }[way]
    const pour = async (forSeconds: number) => {
      const { runs, tookMs } = await poured(begin, crew, { forSeconds, jobsEach, runsAtOnce })
      return (runs * width) / (tookMs / 1_000)
    }
    try {
      crew.tell('run')
      await pour(seconds * WARM_UP_SHARE)
      return { concurrency, jobsPerSecond: await pour(seconds) }
    } finally {
      await producer.close()
    }
  })
}

interface Pouring {
  readonly forSeconds: number
  readonly jobsEach: number
  readonly runsAtOnce: number
}

/** From the first run that is begun, until the last job has completed. */
async function poured(
  begin: () => Promise<unknown>,
  crew: Crew,
  { forSeconds, jobsEach, runsAtOnce }: Pouring,
): Promise<{ runs: number; tookMs: number }> {
  await countAnew(crew)
  const startMs = Date.now()
  let runs = 0
  while (Date.now() - startMs < forSeconds * 1_000) {
    await counted(crew, (runs + 1 - runsAtOnce) * jobsEach)
    await begin()
    runs++
  }
  const { lastMs } = await counted(crew, runs * jobsEach)
  return { runs, tookMs: lastMs - startMs }
}

/** A job comes after its children, so the one that stands for the run is the root. */
function flowOf(queueName: string, width: number): Flow {
  const job: Flow = { name: 'noop', queueName, data: {}, opts: kept }
  return { ...job, name: 'run', children: Array.from({ length: width }, () => job) }
}
