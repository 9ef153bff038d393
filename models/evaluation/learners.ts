/** Who is asked, side by side. */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { OwnQuantiles } from '../baselines/own-quantiles.ts'
import { baselines } from '../baselines/rules.ts'
import { Chosen } from '../choosing/chosen.ts'
import type { LivingLearner } from '../rows.ts'
import { TreeLearner } from '../trees/learner.ts'

/** What is believed in the end is last. */
export function contestants(entropy: Entropy): {
  readonly baselines: readonly LivingLearner[]
  readonly families: readonly LivingLearner[]
  readonly chosen: LivingLearner
} {
  const families = [new OwnQuantiles(), new TreeLearner(entropy)] as const
  const [plain, ...models] = families
  return { baselines: baselines(), families, chosen: new Chosen(plain, models) }
}
