import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { ProcessEngine } from '../../agent/ports/inference/engine.ts'
import { forestSession } from '../../agent/ports/inference/forests.ts'
import { type Engine, EngineError } from '../../models/engine.ts'
import { folded } from '../../models/folded.ts'
import { type Forest, sumOf, type Tree } from '../../models/forest.ts'
import { predictionModel } from '../../models/nets/graphs.ts'
import { firstParameters } from '../../models/nets/layout.ts'
import type { Model } from '../../models/onnx/model.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { forestInput, forestOutput, modelOfForest } from '../../models/trees/export.ts'
import { forestIn } from '../../models/trees/import.ts'
import { LANES } from '../../models/trees/kernel.ts'
import { ForestWalk } from '../../models/trees/walk.ts'
import { enginePresent } from '../../simulations/bench/inference-present.ts'
import { anyBatch } from './batches.ts'
import { anyForest } from './samples.ts'

const FEATURES = 6
const OUTPUTS = 3
const engine = new ProcessEngine()
after(() => engine.close())

async function toldBy(asked: Engine, model: Uint8Array, rows: Float32Array): Promise<number[]> {
  const session = await asked.open(model)
  const dims = [rows.length / FEATURES, FEATURES]
  const { [forestOutput]: told } = await session.run({ [forestInput]: { dims, data: rows } })
  await session.close()
  assert.deepEqual(told?.dims, [rows.length / FEATURES, OUTPUTS])
  return [...(told?.data ?? [])].map(Number)
}

/** A tree that goes right for long: so many leaves, one below the other. */
function ladder(leaves: number, threshold = (at: number) => at / leaves): Tree {
  const count = 2 * leaves - 1
  const isBranch = (node: number) => node % 2 === 0 && node < count - 1
  const of = (value: (node: number) => number) => Array.from({ length: count }, (_, i) => value(i))
  return {
    output: 0,
    feature: Int32Array.from(of((node) => (isBranch(node) ? 0 : -1))),
    threshold: Float32Array.from(of((node) => (isBranch(node) ? threshold(node / 2) : 0))),
    left: Int32Array.from(of((node) => (isBranch(node) ? node + 1 : 0))),
    right: Int32Array.from(of((node) => (isBranch(node) ? node + 2 : 0))),
    value: Float32Array.from(of((node) => node)),
  }
}

test('a walk says what the runtime says, to the last bit, whatever rows have in common', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyForest(FEATURES, OUTPUTS, 32),
      anyBatch(FEATURES),
      async (forest, { rows }) => {
        const model = bytesOf(modelOfForest(forest))
        const read = forestIn(model)
        assert.ok(read)
        const ours = ForestWalk.of(read.forest)?.told(folded(rows, FEATURES))
        assert.deepEqual([...(ours ?? [])], await toldBy(enginePresent, model, rows))
      },
    ),
    { numRuns: 300 },
  )
})

test('many rows are told one by one as together', () => {
  fc.assert(
    fc.property(anyForest(FEATURES, OUTPUTS, 32), anyBatch(FEATURES), (forest, { rows }) => {
      const walk = ForestWalk.of(forest)
      assert.ok(walk)
      const alone: number[] = []
      for (let at = 0; at < rows.length; at += FEATURES) {
        alone.push(...walk.told(folded(rows.subarray(at, at + FEATURES), FEATURES)))
      }
      assert.deepEqual([...walk.told(folded(rows, FEATURES))], alone)
    }),
  )
})

test('a model that is read is the forest that it was made of', () => {
  fc.assert(
    fc.property(anyForest(FEATURES, OUTPUTS), anyBatch(FEATURES), (forest, { rows }) => {
      const read = forestIn(bytesOf(modelOfForest(forest)))
      assert.ok(read)
      assert.deepEqual([read.input, read.output], [forestInput, forestOutput])
      assert.deepEqual(read.forest.base, forest.base)
      for (let at = 0; at < rows.length; at += FEATURES) {
        const row = rows.subarray(at, at + FEATURES)
        assert.deepEqual(positive(sumOf(read.forest, row)), positive(sumOf(forest, row)))
      }
    }),
  )
})

/** A zero below zero is one above it: an output without a tree is given one that adds nothing. */
function positive(sums: Float32Array): number[] {
  return [...sums].map((sum) => sum + 0)
}

const base = new Float32Array(OUTPUTS)
const forestOf = (...trees: readonly Tree[]): Forest => ({ features: FEATURES, base, trees })

test('a tree of 32 leaves is walked, and one of 33 is left to the runtime', async () => {
  const rows = Float32Array.from({ length: 40 * FEATURES }, (_, i) => (i / FEATURES - 1) / 33)
  for (const [leaves, isWalked] of [
    [32, true],
    [33, false],
  ] as const) {
    const model = bytesOf(modelOfForest(forestOf(ladder(leaves))))
    assert.equal(forestSession(model) !== undefined, isWalked)
    const told = await toldBy(engine, model, rows)
    assert.deepEqual(told, await toldBy(enginePresent, model, rows))
    assert.equal(new Set(told).size > 20, true)
  }
})

test('more hosts than lie side by side are told one by one as together', () => {
  const hosts = 3 * LANES + 5
  const trees = Array.from({ length: 256 }, (_, i) => ladder(2, () => i / 256))
  const walk = ForestWalk.of(forestOf(...trees))
  for (const loose of [0, 1]) {
    const of = (host: number, stage: number) => {
      const pair = loose * ((host * stage) / hosts)
      return [host / hosts, stage, stage, stage, stage, pair]
    }
    const block = (stage: number) => Array.from({ length: hosts }, (_, i) => of(i, stage)).flat()
    const told = walk?.told(folded(Float32Array.from([...block(0), ...block(1)]), FEATURES)) ?? []
    for (let host = 0; host < hosts; host++) {
      for (const stage of [0, 1]) {
        const alone = walk?.told(folded(Float32Array.from(of(host, stage)), FEATURES))[0]
        assert.equal(told[(stage * hosts + host) * OUTPUTS], alone)
      }
    }
  }
})

/** A model of a forest, with something else in place of what it says of itself. */
function changed(change: (model: Model) => Model): Uint8Array {
  return bytesOf(change(modelOfForest(forestOf(ladder(4), { ...ladder(4), output: 1 }))))
}

function withInts(name: string, change: (value: readonly number[]) => readonly number[]) {
  return changed((model) => {
    const [node] = model.graph.nodes as [Model['graph']['nodes'][number]]
    const attributes = node.attributes.map((attribute) =>
      attribute.name === name && attribute.kind === 'ints'
        ? { ...attribute, value: change(attribute.value) }
        : attribute,
    )
    return { ...model, graph: { ...model.graph, nodes: [{ ...node, attributes }] } }
  })
}

const shape = { features: FEATURES, hidden: [4] }
const net = firstParameters(shape, new SystemEntropy(Uint8Array.of(1)), { centre: 1, spread: 1 })
const leftAlone: Readonly<Record<string, Uint8Array>> = {
  'what is no model': Uint8Array.of(1, 2, 3),
  'a network': bytesOf(predictionModel(shape, net)),
  'a tree that adds to two outputs': withInts('target_ids', ([_, ...rest]) => [2, ...rest]),
  'a circle': withInts('nodes_truenodeids', (ids) => ids.map(() => 0)),
  'a feature that there is not': withInts('nodes_featureids', (ids) => ids.map(() => FEATURES)),
  'rows of a number that is fixed': changed((model) => {
    const inputs = [{ name: forestInput, type: 'float32' as const, dims: [4, FEATURES] }]
    return { ...model, graph: { ...model.graph, inputs } }
  }),
  'more outputs than trees have': changed((model) => {
    const outputs = [{ name: forestOutput, type: 'float32' as const, dims: ['rows', OUTPUTS + 1] }]
    return { ...model, graph: { ...model.graph, outputs } }
  }),
  'another version': changed((model) => ({ ...model, irVersion: model.irVersion - 1 })),
}
for (const [name, model] of Object.entries(leftAlone)) {
  test(`left to the runtime: ${name}`, () => assert.equal(forestSession(model), undefined))
}

test('a forest is not given rows of another width, nor anything else in their place', async () => {
  const session = await engine.open(bytesOf(modelOfForest(forestOf(ladder(4)))))
  const data = new Float32Array(2 * FEATURES)
  const wrong = [
    {},
    { other: { dims: [2, FEATURES], data } },
    { [forestInput]: { dims: [FEATURES, 2], data } },
    { [forestInput]: { dims: [2 * FEATURES], data } },
    { [forestInput]: { dims: [1, FEATURES], data: new BigInt64Array(FEATURES) } },
  ]
  for (const inputs of wrong) {
    await assert.rejects(session.run(inputs), (error) => {
      assert.ok(error instanceof EngineError)
      assert.equal(error.code, 'refused')
      assert.match(error.message, new RegExp(forestInput))
      return true
    })
  }
  const none = { [forestInput]: { dims: [0, FEATURES], data: new Float32Array(0) } }
  assert.deepEqual((await session.run(none))[forestOutput]?.dims, [0, OUTPUTS])
  const right = await session.run({ [forestInput]: { dims: [2, FEATURES], data } })
  assert.deepEqual(right[forestOutput]?.dims, [2, OUTPUTS])
})
