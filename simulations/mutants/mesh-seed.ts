/** One seed of whole agents. */
import { runTrial } from '../sim/trial.ts'
import { mutantLimits } from './limits.ts'
import type { Finding } from './mutant-thread.ts'

export async function run(seed: number): Promise<Finding> {
  const { nodes, minutes } = mutantLimits
  const { verdict, virtualMs } = await runTrial({ seed: String(seed), nodes, minutes })
  if (verdict.kind === 'passed') return { virtualMs }
  const { checker, what, atMs } = verdict
  return { virtualMs: atMs, caught: { checker, what } }
}
