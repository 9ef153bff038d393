/** Worker processes of BullMQ on one queue, and what they have done of it. */
import { type BullMq, type JobOptions, loadBullMq, type Queue } from './bullmq-library.ts'
import type { WorkerCount, WorkerNews, WorkerOrder, WorkerTask } from './bullmq-worker.ts'
import { Children } from './children.ts'

export type Crew = Children<WorkerOrder, WorkerNews>

/** What is done leaves Redis at once, its result too. */
export const forgotten: JobOptions = { removeOnComplete: true }
/** What is done can be looked at afterwards, as is BullMQ's default. */
export const kept: JobOptions = { removeOnComplete: false }

const DEADLINE_MS = 300_000

export class Crews {
  readonly library: BullMq
  private readonly from: string
  private readonly port: number
  private readonly workers: number

  constructor({ from, port, workers }: { from: string; port: number; workers: number }) {
    this.library = loadBullMq(from)
    this.from = from
    this.port = port
    this.workers = workers
  }

  get connection() {
    return { host: '127.0.0.1', port: this.port }
  }

  /** A queue of its own and workers for it, who wait to be told. */
  async on<T>(
    name: string,
    concurrency: number,
    measure: (queue: Queue, crew: Crew) => Promise<T>,
  ): Promise<T> {
    const { connection, from, port } = this
    const task: WorkerTask = { from, port, queue: name, concurrency }
    const queue = new this.library.Queue(name, { connection })
    const crew: Crew = new Children('bullmq-worker.ts', this.workers, task)
    try {
      await crew.until((all) => all.every((news) => news !== undefined), DEADLINE_MS)
      return await measure(queue, crew)
    } finally {
      await crew.stop()
      await queue.close()
    }
  }
}

export async function countAnew(crew: Crew): Promise<void> {
  crew.forget()
  crew.tell('count anew')
  await crew.until((all) => all.every((news) => countOf(news)?.completed === 0), DEADLINE_MS)
}

/** When so many jobs have completed: when the first of them did, and the last. */
export async function counted(
  crew: Crew,
  jobs: number,
): Promise<{ firstMs: number; lastMs: number }> {
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
