/** One seed of whole agents, at the ledger or at work. */
import { runTrial } from '../sim/trial.ts'
import { mutantLimits } from './limits.ts'
import type { Finding } from './mutant-thread.ts'

export async function run(seed: number, work: boolean): Promise<Finding> {
  const { nodes, minutes: most, workMinutes } = mutantLimits
  const minutes = work ? workMinutes : most
  const { verdict, virtualMs } = await runTrial({ seed: String(seed), nodes, minutes, work })
  if (verdict.kind === 'passed') return { virtualMs }
  const { checker, what, atMs } = verdict
  return { virtualMs: atMs, caught: { checker, what } }
}
