/** What models say and learn in a virtual world is what they do where they run in truth. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import type { Engine } from '../../models/engine.ts'
import { firstParameters } from '../../models/nets/layout.ts'
import { Net } from '../../models/nets/net.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'
import { World } from '../../simulations/world/world.ts'

const shape = { features: 7, hidden: [6, 5] }
const rows = 50

async function learned(engine: Engine): Promise<{ parameters: Float32Array; told: Float32Array }> {
  const chance = new SeededEntropy('rows')
  const features = Float32Array.from({ length: rows * shape.features }, () => 2 * chance.unit() - 1)
  const targets = Float32Array.from({ length: rows }, (_, i) => 3 + (features[7 * i] as number))
  const net = new Net(engine, shape)
  const begun = firstParameters(shape, new SeededEntropy('begin'), { centre: 2, spread: 1 })
  const entropy = new SeededEntropy('order')
  const how = { epochs: 3, batch: 16, rate: 0.02, entropy, held: { strength: 0.1, to: begun } }
  const { parameters } = await net.train(begun, features, targets, how)
  return { parameters, told: await net.predict(parameters, features) }
}

function farthest(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length)
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0)
}

test('a world trains and predicts as the real runtime does', async () => {
  const real = new ProcessEngine()
  const truth = await learned(real)
  await real.close()
  const world = new World({ seed: 1 })
  let simulated: Awaited<ReturnType<typeof learned>> | undefined
  world.addHost('n1').boot(async ({ engine }) => {
    simulated = await learned(engine)
  })
  await world.runFor(1_000)
  assert.ok(simulated)
  assert.ok(farthest(truth.parameters, simulated.parameters) < 1e-4)
  assert.ok(farthest(truth.told, simulated.told) < 1e-4)
  assert.ok(
    farthest(
      truth.told,
      truth.told.map(() => 2),
    ) > 0.1,
  )
})
