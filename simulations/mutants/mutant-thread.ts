/**
 * A thread that has one defect in its code. Runs the seeds that it is given, one at a time, and says
 * what came of each. What it runs is imported after the defect is in, and so never at the top.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { load } from './loading.ts'
import type { Mutant } from './mutant.ts'

/** Of one seed. Nothing caught: nobody noticed the defect. */
export interface Finding {
  readonly virtualMs: number
  readonly caught?: { readonly checker: string; readonly what: string }
}

const mutant = workerData as Mutant
const loading = load(mutant)
const { run } =
  mutant.harness === 'voters' ? await import('./voters-seed.ts') : await import('./mesh-seed.ts')
loading.complete()

parentPort?.on('message', (seed: number) => {
  void run(seed, mutant.harness === 'work').then((finding) => parentPort?.postMessage(finding))
})
