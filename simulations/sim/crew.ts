/** Threads that run seeds side by side, one for each core. */
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { TrialOptions, TrialResult } from './trial.ts'

const thread = new URL('./seed-thread.ts', import.meta.url)

/** Frames live for some virtual milliseconds: with room for them, few are ever copied. */
const YOUNG_MIB = 192

/**
 * Runs all, in about their order, and tells each result; stops early when told to by `false`.
 * Rejects when a thread breaks.
 */
export async function runAll(
  trials: Iterable<TrialOptions>,
  onResult: (result: TrialResult) => boolean,
  threads: number = availableParallelism(),
): Promise<void> {
  // Threads that collect beside these would take their cores: each is as busy as can be by itself.
  setFlagsFromString('--single-threaded-gc')
  const waiting = trials[Symbol.iterator]()
  let goOn = true
  const workers = Array.from(
    { length: threads },
    () => new Worker(thread, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } }),
  )
  const work = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const next = () => {
        const trial = goOn ? waiting.next() : undefined
        if (!trial || trial.done) return resolve()
        worker.postMessage(trial.value)
      }
      worker.on('message', (result: TrialResult) => {
        goOn = goOn && onResult(result)
        next()
      })
      worker.once('error', reject)
      next()
    })
  try {
    await Promise.all(workers.map(work))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
