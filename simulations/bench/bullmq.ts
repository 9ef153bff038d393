/**
 * The peer of `skein bench stages`: BullMQ on Redis, with as many worker processes as there are
 * agents. Whatever is left to choose is chosen for speed: the concurrency of the workers, the way a
 * chain is made, a queue that is full before the clock starts, and nothing kept of what is done.
 */
import {
  type BullMq,
  bullMqVersions,
  type Flow,
  type JobOptions,
  loadBullMq,
  type Queue,
} from './bullmq-library.ts'
import type { WorkerCount, WorkerNews, WorkerOrder, WorkerTask } from './bullmq-worker.ts'
import { Children } from './children.ts'
import { peerPackages } from './peer-packages.ts'
import { Redis } from './redis.ts'
import { percentile } from './report.ts'

export interface PeerAsked {
  readonly workers: number
  readonly seconds: number
  readonly links: number
  readonly chains: number
}

export interface PeerMeasured {
  readonly jobsPerSecond: number
  readonly concurrency: number
  readonly hopMs: number
  /** What was best for it. */
  readonly hopHow: string
}

export type Peer = { readonly ok: true; readonly measured: PeerMeasured } | Missing
interface Missing {
  readonly ok: false
  readonly why: string
}

const CONCURRENCIES = [1, 10, 50, 100]
const CHAIN_CONCURRENCIES = [1, 10]
const WARM_UP_JOBS = 5_000
const WARM_UP_CHAINS = 2
const FINALISTS = 2
const TRIAL_JOBS = 10_000
const JOBS_AT_ONCE = 1_000
const DEADLINE_MS = 300_000

const keep: JobOptions = { removeOnComplete: true }

export async function measureBullMq(asked: PeerAsked): Promise<Peer> {
  const redis = await Redis.start()
  if (!redis)
    return { ok: false, why: 'redis-server is not installed (apt-get install redis-server)' }
  try {
    const packages = await peerPackages(bullMqVersions)
    if (!packages.ok) return { ok: false, why: `BullMQ cannot be installed: ${packages.why}` }
    const bench = new Bench(asked, redis.port, packages.from)
    const many = await bench.many()
    const measured = { ...many, ...(await bench.chains()) }
    await bench.close()
    return { ok: true, measured }
  } finally {
    await redis.stop()
  }
}

type Crew = Children<WorkerOrder, WorkerNews>

class Bench {
  private readonly asked: PeerAsked
  private readonly port: number
  private readonly from: string
  private readonly library: BullMq
  private readonly producer: InstanceType<BullMq['FlowProducer']>

  constructor(asked: PeerAsked, port: number, from: string) {
    this.asked = asked
    this.port = port
    this.from = from
    this.library = loadBullMq(from)
    const connection = { host: '127.0.0.1', port }
    this.producer = new this.library.FlowProducer({ connection })
  }

  async many(): Promise<Pick<PeerMeasured, 'jobsPerSecond' | 'concurrency'>> {
    const trials: { concurrency: number; jobsPerSecond: number }[] = []
    for (const concurrency of CONCURRENCIES) {
      trials.push({ concurrency, jobsPerSecond: await this.rate(concurrency, TRIAL_JOBS) })
    }
    // Short trials may err by a little: the best of them are measured for as long as was asked.
    const finalists = trials.sort((a, b) => b.jobsPerSecond - a.jobsPerSecond).slice(0, FINALISTS)
    const finals: typeof trials = []
    for (const { concurrency, jobsPerSecond } of finalists) {
      const jobs = Math.ceil(jobsPerSecond * this.asked.seconds)
      finals.push({ concurrency, jobsPerSecond: await this.rate(concurrency, jobs) })
    }
    return finals.reduce((a, b) => (b.jobsPerSecond > a.jobsPerSecond ? b : a))
  }

  /** From the moment when workers may begin on a full queue, until the last job has completed. */
  private rate(concurrency: number, jobs: number): Promise<number> {
    return this.withCrew(`many-${concurrency}-${jobs}`, concurrency, async (queue, crew) => {
      await fill(queue, WARM_UP_JOBS)
      crew.tell('run')
      await counted(crew, WARM_UP_JOBS)
      await queue.pause()
      await fill(queue, jobs)
      await countAnew(crew)
      const startMs = Date.now()
      await queue.resume()
      const { lastMs } = await counted(crew, jobs)
      return jobs / ((lastMs - startMs) / 1_000)
    })
  }

  async chains(): Promise<Pick<PeerMeasured, 'hopMs' | 'hopHow'>> {
    const trials: Pick<PeerMeasured, 'hopMs' | 'hopHow'>[] = []
    for (const concurrency of CHAIN_CONCURRENCIES) {
      const how = (way: string) => `${way}, concurrency ${concurrency}`
      const one = `chain-${concurrency}`
      trials.push({
        hopHow: how('each job adds the next'),
        hopMs: await this.withCrew(`${one}-added`, concurrency, (queue, crew) =>
          this.hop(crew, (linksLeft) => queue.add('link', { linksLeft }, keep)),
        ),
      })
      trials.push({
        hopHow: how('a flow'),
        hopMs: await this.withCrew(`${one}-flow`, concurrency, (_, crew) =>
          this.hop(crew, (linksLeft) => this.producer.add(flowOf(`${one}-flow`, linksLeft))),
        ),
      })
    }
    return trials.reduce((a, b) => (b.hopMs < a.hopMs ? b : a))
  }

  /** Of each chain the time of a hop; of all chains the median. */
  private async hop(crew: Crew, begin: (linksLeft: number) => Promise<unknown>): Promise<number> {
    const { links, chains } = this.asked
    crew.tell('run')
    const hops: number[] = []
    for (let chain = 0; chain < WARM_UP_CHAINS + chains; chain++) {
      await countAnew(crew)
      await begin(links - 1)
      const { firstMs, lastMs } = await counted(crew, links)
      if (chain >= WARM_UP_CHAINS) hops.push((lastMs - firstMs) / (links - 1))
    }
    return percentile(hops, 0.5)
  }

  close(): Promise<void> {
    return this.producer.close()
  }

  private async withCrew<T>(
    name: string,
    concurrency: number,
    measure: (queue: Queue, crew: Crew) => Promise<T>,
  ): Promise<T> {
    const connection = { host: '127.0.0.1', port: this.port }
    const task: WorkerTask = { from: this.from, port: this.port, queue: name, concurrency }
    const queue = new this.library.Queue(name, { connection })
    const crew: Crew = new Children('bullmq-worker.ts', this.asked.workers, task)
    try {
      await crew.until((all) => all.every((news) => news !== undefined), DEADLINE_MS)
      return await measure(queue, crew)
    } finally {
      await crew.stop()
      await queue.close()
    }
  }
}

async function fill(queue: Queue, jobs: number): Promise<void> {
  for (let left = jobs; left > 0; left -= JOBS_AT_ONCE) {
    const some = Array.from({ length: Math.min(left, JOBS_AT_ONCE) })
    await queue.addBulk(some.map(() => ({ name: 'noop', data: {}, opts: keep })))
  }
}

/** A job comes after its children, so the last of the chain is the root. */
function flowOf(queueName: string, linksLeft: number): Flow {
  const link: Flow = { name: 'link', queueName, data: {}, opts: keep }
  let last = link
  for (let i = 0; i < linksLeft; i++) last = { ...link, children: [last] }
  return last
}

async function countAnew(crew: Crew): Promise<void> {
  crew.forget()
  crew.tell('count anew')
  await crew.until((all) => all.every((news) => countOf(news)?.completed === 0), DEADLINE_MS)
}

/** When so many jobs have completed: when the first of them did, and the last. */
async function counted(crew: Crew, jobs: number): Promise<{ firstMs: number; lastMs: number }> {
  const sum = (all: readonly (WorkerNews | undefined)[], of: 'completed' | 'failed') =>
    all.reduce((total, news) => total + (countOf(news)?.[of] ?? 0), 0)
  const all = await crew.until(
    (news) => sum(news, 'completed') + sum(news, 'failed') >= jobs,
    DEADLINE_MS,
  )
  if (sum(all, 'failed') > 0) throw new Error('jobs of BullMQ have failed')
  const counts = all.flatMap((news) => countOf(news) ?? []).filter(({ completed }) => completed > 0)
  return {
    firstMs: Math.min(...counts.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...counts.map(({ lastMs }) => lastMs)),
  }
}

function countOf(news: WorkerNews | undefined): WorkerCount | undefined {
  return news === 'ready' ? undefined : news
}
