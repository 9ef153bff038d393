/** Models for tests: some of ours, and any that fast-check can think of. */
import fc from 'fast-check'
import type { Forest, Tree } from '../../models/forest.ts'
import {
  type Attribute,
  elementsOf,
  irVersion,
  type Model,
  opsets,
  type Port,
  type Weights,
} from '../../models/onnx/model.ts'

/** Objects as we write them, with the usual prototype. */
const record = <T>(parts: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(parts, { noNullPrototype: true }) as fc.Arbitrary<T>

const name = fc.string({ maxLength: 12 })
const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })
/** Without a zero below zero, which protobufjs takes for one that was left out. */
const float = fc.float({ noNaN: true }).map((value) => value + 0)

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  record({ name, kind: fc.constant('float' as const), value: float }),
  record({ name, kind: fc.constant('int' as const), value: fc.maxSafeInteger() }),
  record({ name, kind: fc.constant('text' as const), value: name }),
  record({ name, kind: fc.constant('floats' as const), value: fc.array(float) }),
  record({ name, kind: fc.constant('ints' as const), value: fc.array(fc.maxSafeInteger()) }),
  record({ name, kind: fc.constant('texts' as const), value: fc.array(name) }),
)

const weights: fc.Arbitrary<Weights> = fc
  .tuple(name, dims, fc.boolean())
  .chain(([of, shape, isFloat]): fc.Arbitrary<Weights> => {
    const count = { minLength: elementsOf(shape), maxLength: elementsOf(shape) }
    const data = isFloat ? fc.float32Array(count) : fc.bigInt64Array(count)
    return (data as fc.Arbitrary<Weights['data']>).map((held) => ({
      name: of,
      dims: shape,
      data: held,
    }))
  })

const port: fc.Arbitrary<Port> = record({
  name,
  type: fc.constantFrom('float32' as const, 'int64' as const),
  dims: fc.array(fc.oneof(fc.nat(), fc.string({ minLength: 1, maxLength: 5 })), { maxLength: 3 }),
})

/** Well written, whatever it says: most of them are nonsense. */
export const anyModel: fc.Arbitrary<Model> = record({
  irVersion: fc.nat(),
  producer: name,
  opsets: fc.array(record({ domain: name, version: fc.nat() }), { maxLength: 3 }),
  graph: record({
    name,
    nodes: fc.array(
      record({
        operator: name,
        domain: name,
        name,
        inputs: fc.array(name, { maxLength: 3 }),
        outputs: fc.array(name, { maxLength: 3 }),
        attributes: fc.array(attribute, { maxLength: 4 }),
      }),
      { maxLength: 4 },
    ),
    weights: fc.array(weights, { maxLength: 4 }),
    inputs: fc.array(port, { maxLength: 3 }),
    outputs: fc.array(port, { maxLength: 3 }),
  }),
})

/** A graph that may be anything, in a model of the versions that are taken. */
export function modelWith(graph: Model['graph']): Model {
  return { irVersion, producer: 'test', opsets, graph }
}

/** Trees as they grow: some are a leaf alone, children come in any order. */
export function anyForest(features: number, outputs: number, leaves = 13): fc.Arbitrary<Forest> {
  const value = fc.float({ min: -100, max: 100, noNaN: true })
  // Few of them, so that what is asked often meets them exactly.
  const threshold = fc.constantFrom(-1, -0.5, 0, 0.25, 0.5, 1)
  const split = record({ feature: fc.nat(features - 1), threshold, swap: fc.boolean() })
  const tree = record({
    output: fc.nat(outputs - 1),
    splits: fc.array(fc.tuple(fc.nat(), split), { maxLength: leaves - 1 }),
    values: fc.array(value, { minLength: leaves, maxLength: leaves }),
  }).map(({ output, splits, values }) => grown(output, splits, values))
  return record({
    features: fc.constant(features),
    base: fc
      .array(value, { minLength: outputs, maxLength: outputs })
      .map((b) => new Float32Array(b)),
    trees: fc.array(tree, { maxLength: 8 }),
  })
}

function grown(
  output: number,
  splits: readonly (readonly [number, { feature: number; threshold: number; swap: boolean }])[],
  values: readonly number[],
): Tree {
  const count = splits.length * 2 + 1
  const tree = {
    output,
    feature: new Int32Array(count).fill(-1),
    threshold: new Float32Array(count),
    left: new Int32Array(count),
    right: new Int32Array(count),
    value: new Float32Array(count),
  }
  const leaves = [0]
  for (const [at, { feature, threshold, swap }] of splits) {
    const [node = 0] = leaves.splice(at % leaves.length, 1)
    const next = leaves.length * 2 + 1
    tree.feature[node] = feature
    tree.threshold[node] = threshold
    tree.left[node] = swap ? next + 1 : next
    tree.right[node] = swap ? next : next + 1
    leaves.push(next, next + 1)
  }
  for (const [i, node] of leaves.entries()) tree.value[node] = values[i] as number
  return tree
}
