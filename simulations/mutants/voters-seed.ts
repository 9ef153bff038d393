/** One seed of the consensus core alone: as many short histories as cost about what a mesh costs. */
import { Violation } from '../consensus/checkers.ts'
import type { Cluster } from '../consensus/cluster.ts'
import { runHistory } from '../consensus/history.ts'
import { mutantLimits } from './limits.ts'
import type { Finding } from './mutant-thread.ts'

export async function run(seed: number): Promise<Finding> {
  const { historiesPerSeed } = mutantLimits
  let virtualMs = 0
  for (let i = 0; i < historiesPerSeed; i++) {
    const finding = runOne((seed - 1) * historiesPerSeed + i + 1)
    virtualMs += finding.virtualMs
    if (finding.caught) return { ...finding, virtualMs }
  }
  return { virtualMs }
}

function runOne(seed: number): Finding {
  let cluster: Cluster | undefined
  const virtualMs = () => cluster?.now ?? 0
  try {
    runHistory(seed, undefined, (it) => {
      cluster = it
    })
    return { virtualMs: virtualMs() }
  } catch (error) {
    const checker = error instanceof Violation ? error.law : 'nothing throws'
    const [what = ''] = String(error instanceof Error ? error.message : error).split('\n')
    return { virtualMs: virtualMs(), caught: { checker, what } }
  }
}
