/**
 * One worker process of BullMQ, as anybody would write it: started by `bullmq.ts` five times, told
 * when to begin, and telling how many jobs have completed, and when the first and the last of them.
 * A job does nothing. If it is a link of a chain with more to come, it adds the next link.
 */
import { loadBullMq } from './bullmq-library.ts'

export interface WorkerTask {
  /** Where the library is. */
  readonly from: string
  readonly port: number
  readonly queue: string
  readonly concurrency: number
}

/** Since the worker was last told to count anew. */
export interface WorkerCount {
  readonly completed: number
  readonly failed: number
  readonly firstMs: number
  readonly lastMs: number
}

/** `ready` comes once, before the first count. */
export type WorkerNews = 'ready' | WorkerCount
export type WorkerOrder = 'run' | 'count anew'

const TELL_EVERY_MS = 10

const { from, port, queue: queueName, concurrency } = JSON.parse(process.argv[2]!) as WorkerTask
const { Queue, Worker } = loadBullMq(from)
const connection = { host: '127.0.0.1', port }

const queue = new Queue(queueName, { connection })
const worker = new Worker(
  queueName,
  async ({ data }) => {
    const { linksLeft = 0 } = data as { linksLeft?: number }
    if (linksLeft > 0)
      await queue.add('link', { linksLeft: linksLeft - 1 }, { removeOnComplete: true })
  },
  { connection, concurrency, autorun: false },
)

let completed = 0
let failed = 0
let firstMs = 0
let lastMs = 0
let told = 0
worker.on('completed', () => {
  lastMs = Date.now()
  if (completed === 0) firstMs = lastMs
  completed++
})
worker.on('failed', () => {
  failed++
})
worker.on('error', () => {})

function tell(news: WorkerNews): void {
  process.send?.(news)
}

function tellCount(): void {
  told = completed + failed
  tell({ completed, failed, firstMs, lastMs })
}

setInterval(() => {
  if (completed + failed !== told) tellCount()
}, TELL_EVERY_MS)

process.on('message', (order: WorkerOrder) => {
  if (order === 'run') void worker.run()
  else {
    completed = failed = 0
    tellCount()
  }
})
// Whoever has started it is gone: so is the reason to work.
process.on('disconnect', () => process.exit())

await worker.waitUntilReady()
tell('ready')
