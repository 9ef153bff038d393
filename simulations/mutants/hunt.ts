/** Looks for the first seed that notices a mutant, each mutant in a thread of its own. */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { mutantLimits } from './limits.ts'
import type { Mutant } from './mutant.ts'
import type { Finding } from './mutant-thread.ts'

export interface Hunt {
  readonly mutant: Mutant
  /** How many it took, or how many were tried in vain. */
  readonly seeds: number
  readonly virtualMs: number
  readonly realMs: number
  /** Undefined for a mutant that has survived. */
  readonly caught: { readonly checker: string; readonly what: string } | undefined
}

const thread = new URL('./mutant-thread.ts', import.meta.url)

/** Hunts all, in about their order, as many at once as there are cores. */
export async function huntAll(
  mutants: readonly Mutant[],
  seedsMax: number,
  onHunt: (hunt: Hunt) => void,
): Promise<void> {
  const waiting = mutants[Symbol.iterator]()
  const work = async () => {
    for (const mutant of waiting) onHunt(await hunt(mutant, seedsMax))
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

async function hunt(mutant: Mutant, seedsMax: number): Promise<Hunt> {
  const startedMs = performance.now()
  const worker = new Worker(thread, { workerData: mutant })
  let virtualMs = 0
  const outcome = (seeds: number, caught: Hunt['caught']): Hunt => {
    return { mutant, seeds, virtualMs, realMs: performance.now() - startedMs, caught }
  }
  try {
    // A thread can be asked what it has used only once it runs, which takes a busy machine a while.
    await once(worker, 'online')
    for (let seed = 1; seed <= seedsMax; seed++) {
      const finding = await ask(worker, seed)
      virtualMs += finding.virtualMs
      if (finding.caught) return outcome(seed, finding.caught)
    }
    return outcome(seedsMax, undefined)
  } finally {
    await worker.terminate()
  }
}

/** A thread that breaks has noticed nothing: that is for whoever wrote the mutant to see. */
function ask(worker: Worker, seed: number): Promise<Finding> {
  const { promise, resolve, reject } = Promise.withResolvers<Finding>()
  // By the time that it has computed: a busy machine is no reason to call a seed endless.
  let before: NodeJS.CpuUsage | undefined
  const look = async () => {
    before ??= await worker.cpuUsage()
    const { user, system } = await worker.cpuUsage(before)
    if (user + system < mutantLimits.seedMs * 1_000) return
    const caught = { checker: 'every seed ends', what: `seed ${seed} computes and computes` }
    resolve({ virtualMs: 0, caught })
  }
  const timer = setInterval(() => void look().catch(reject), mutantLimits.lookMs)
  worker.once('message', resolve)
  worker.once('error', reject)
  const onExit = (code: number) => reject(new Error(`the thread ended by itself, with ${code}`))
  worker.once('exit', onExit)
  worker.postMessage(seed)
  return promise.finally(() => {
    clearInterval(timer)
    worker.off('message', resolve)
    worker.off('error', reject)
    worker.off('exit', onExit)
  })
}
