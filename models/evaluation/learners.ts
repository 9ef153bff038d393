/** Who is asked, side by side. */
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { OwnQuantiles } from '../baselines/own-quantiles.ts'
import { baselines } from '../baselines/rules.ts'
import { Chosen } from '../choosing/chosen.ts'
import type { Engine } from '../engine.ts'
import { NetLearner } from '../nets/learner.ts'
import type { LivingLearner } from '../rows.ts'
import { TreeLearner } from '../trees/learner.ts'

/** What is believed in the end is last. */
export function contestants(
  entropy: Entropy,
  engine: Engine,
): {
  readonly baselines: readonly LivingLearner[]
  readonly families: readonly LivingLearner[]
  readonly chosen: LivingLearner
} {
  const families = [
    new OwnQuantiles(),
    new TreeLearner(entropy),
    new NetLearner(engine, entropy.stream('network')),
  ] as const
  const [plain, ...models] = families
  return { baselines: baselines(), families, chosen: new Chosen(plain, models) }
}
