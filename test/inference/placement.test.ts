import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { ports } from '../../models/nets/graphs.ts'
import { forestInput } from '../../models/trees/export.ts'
import {
  COMMON_FEATURES,
  commonForest,
  commonNet,
  commonRows,
} from '../../simulations/bench/inference-common.ts'
import {
  FEATURES,
  grownForest,
  someForest,
  someNet,
  someRows,
} from '../../simulations/bench/inference-models.ts'
import { enginePresent } from '../../simulations/bench/inference-present.ts'

const engine = new ProcessEngine()
after(() => engine.close())

test('both families say of a placement what the runtime says of its rows, to the last bit', async () => {
  const entropy = new SystemEntropy(Uint8Array.of(3))
  const rows = { dims: [4_096, FEATURES], data: someRows(entropy, 64, 64) }
  const common = { dims: [4_096, COMMON_FEATURES], data: commonRows(entropy, 64, 64) }
  for (const [model, input, asked] of [
    [someNet(entropy), ports.features, rows],
    [someForest(entropy, 210), forestInput, rows],
    [grownForest(entropy), forestInput, rows],
    [commonNet(entropy), ports.features, common],
    [commonForest(entropy), forestInput, common],
  ] as const) {
    const [ours, theirs] = await Promise.all(
      [engine, enginePresent].map(async (one) => (await one.open(model)).run({ [input]: asked })),
    )
    const [name = ''] = Object.keys(theirs ?? {})
    assert.equal(ours?.[name]?.data.length, 3 * 4_096)
    assert.deepEqual(ours?.[name]?.dims, theirs?.[name]?.dims)
    assert.deepEqual([...(ours?.[name]?.data ?? [])], [...(theirs?.[name]?.data ?? [])])
  }
})
