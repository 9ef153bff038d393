/** What a step of training takes, and how long it keeps the process that asks from all else. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Engine } from '../../models/engine.ts'
import { Net } from '../../models/nets/net.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { beginning, SHAPE, someRows } from './inference-models.ts'
import type { Figure } from './report.ts'

const BATCH = 64
const STEPS = 640
const LAG_GOAL_MS = 20

export async function measureTraining(engine: Engine, entropy: Entropy): Promise<Figure[]> {
  const net = new Net(engine, SHAPE)
  const features = someRows(entropy, STEPS, BATCH)
  const targets = Float32Array.from({ length: STEPS * BATCH }, () => 8 + entropy.unit())
  const train = (epochs: number) =>
    net.train(beginning(entropy), features, targets, { epochs, batch: BATCH, rate: 0.01, entropy })
  await train(1)
  const lag = monitorEventLoopDelay({ resolution: 1 })
  lag.enable()
  const before = process.cpuUsage()
  const startedMs = performance.now()
  const { steps } = await train(2)
  const tookMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(before)
  lag.disable()
  await net.close()
  const lagMs = lag.max / 1e6
  return [
    { metric: `a step of training, ${BATCH} rows`, unit: 'ms', value: tookMs / steps },
    { metric: 'the asker busy, a step', unit: 'ms', value: (user + system) / 1_000 / steps },
    {
      metric: 'the longest that the asker was held up by training',
      unit: 'ms',
      value: lagMs,
      goal: `< ${LAG_GOAL_MS}`,
      holds: lagMs < LAG_GOAL_MS,
    },
  ]
}
