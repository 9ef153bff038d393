/** A thread with one defect in its code, which works through seeds until one of them notices. */
import { parentPort, workerData } from 'node:worker_threads'
import { load } from '../../simulations/mutants/loading.ts'
import type { Mutant } from '../../simulations/mutants/mutant.ts'

export interface Hunted {
  readonly mutant: Mutant
  readonly seeds: readonly number[]
}

export interface Caught {
  readonly seed: number
  readonly checker: string
  readonly what: string
}

const { mutant, seeds } = workerData as Hunted
const loading = load(mutant)
const { runTrial } = await import('../../simulations/sim/trial.ts')
loading.complete()

let caught: Caught | undefined
for (const seed of seeds) {
  const { verdict } = await runTrial({ seed: String(seed), nodes: 5, minutes: 2, work: true })
  if (verdict.kind === 'passed') continue
  caught = { seed, checker: verdict.checker, what: verdict.what }
  break
}
parentPort?.postMessage(caught)
