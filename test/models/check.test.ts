import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ports as netPorts, predictionModel } from '../../models/nets/graphs.ts'
import { checkModel, type Expectations } from '../../models/onnx/check.ts'
import { Draft, int } from '../../models/onnx/draft.ts'
import { irVersion, type Model, opsets } from '../../models/onnx/model.ts'
import { bytesOf } from '../../models/onnx/write.ts'
import { expectedOfForest, modelOfForest } from '../../models/trees/export.ts'
import { anyForest } from './samples.ts'

const shape = { features: 3, hidden: [4] }
const parameters = 3 * 4 + 4 + 4 * 3 + 3
const net = predictionModel(shape, new Float32Array(parameters).fill(0.5))
const ofNet: Expectations = {
  inputs: { features: { type: 'float32', dims: ['rows', 3] } },
  outputs: { quantiles: { type: 'float32', dims: ['rows', 3] } },
  weights: { [netPorts.parameters]: [parameters] },
}

function whyRefused(model: Model, expected: Expectations = ofNet): string | undefined {
  const checked = checkModel(bytesOf(model), expected)
  return checked.kind === 'refused' ? checked.why : undefined
}

/** A model like `net`, with something changed in its graph. */
function netWith(change: (graph: Model['graph']) => Partial<Model['graph']>): Model {
  return { ...net, graph: { ...net.graph, ...change(net.graph) } }
}

test('a model that is as expected is sound', () => {
  assert.equal(whyRefused(net), undefined)
})

const refused: readonly (readonly [string, Model, RegExp])[] = [
  ['another version of the format', { ...net, irVersion: irVersion + 1 }, /version 11 of ONNX/],
  [
    'another version of the operators',
    { ...net, opsets: [{ domain: '', version: 7 }] },
    /wants version 7/,
  ],
  [
    'operators of strangers',
    { ...net, opsets: [...opsets, { domain: 'com.example', version: 1 }] },
    /none is there/,
  ],
  ['operators named twice', { ...net, opsets: [...opsets, { domain: '', version: 21 }] }, /twice/],
  ['no outputs', netWith(() => ({ outputs: [] })), /no output quantiles/],
  [
    'an output that nothing works out',
    netWith(({ nodes }) => ({ nodes: nodes.slice(0, -1) })),
    /nothing works out/,
  ],
  [
    'another input besides',
    netWith(({ inputs }) => ({
      inputs: [...inputs, { name: 'more', type: 'float32', dims: [] }],
    })),
    /input more, which is not expected/,
  ],
  [
    'an input of another width',
    netWith(() => ({ inputs: [{ name: 'features', type: 'float32', dims: ['rows', 4] }] })),
    /float32\[rows,4\]; expected is float32\[rows,3\]/,
  ],
  [
    'an input of another type',
    netWith(() => ({ inputs: [{ name: 'features', type: 'int64', dims: ['rows', 3] }] })),
    /int64/,
  ],
  ['no weights', netWith(() => ({ weights: [] })), /no weights parameters/],
  [
    'weights of another shape',
    predictionModel({ features: 3, hidden: [5] }, new Float32Array(38)),
    /of shape \[38\]; expected is \[31\]/,
  ],
  [
    'weights that are not finite',
    predictionModel(shape, new Float32Array(parameters).fill(Number.NaN)),
    /not all finite/,
  ],
  [
    'a name given twice',
    netWith(({ weights }) => ({ weights: [...weights, ...weights] })),
    /one name/,
  ],
  [
    'a name taken before it is given',
    netWith(({ nodes }) => ({ nodes: nodes.toReversed() })),
    /nothing before it gives/,
  ],
]

for (const [what, model, words] of refused) {
  test(`a model with ${what} is refused`, () => {
    const why = whyRefused(model)
    assert.ok(why !== undefined)
    assert.match(why, words)
  })
}

test('operators and attributes that models here do not have are refused', () => {
  const cases: readonly [string, Parameters<Draft['node']>, RegExp][] = [
    ['a loop', ['Loop', ['x']], /Loop .*not allowed/],
    ['a stranger', ['Relu', ['x'], {}, { domain: 'com.example' }], /'com.example' is not allowed/],
    ['an attribute', ['Relu', ['x'], { alpha: int(1) }], /no attribute alpha/],
    ['the prototype', ['Relu', ['x'], { constructor: int(1) }], /no attribute constructor/],
    ['its type', ['Cast', ['x'], { to: { kind: 'float', value: 1 } }], /not of the type/],
    ['inputs', ['Relu', ['x', 'x']], /2 inputs/],
  ]
  for (const [what, node, words] of cases) {
    const draft = new Draft(what)
    draft.input('x', [1])
    draft.output('y', [1], draft.node(...node))
    const why = whyRefused(draft.model(), {
      inputs: { x: { type: 'float32', dims: [1] } },
      outputs: { y: { type: 'float32', dims: [1] } },
    })
    assert.match(why ?? 'taken', words, what)
  }
})

test('of a forest only the operator of forests is taken', () => {
  const draft = new Draft('forest')
  draft.input('x', ['rows', 2])
  draft.output('y', ['rows', 2], draft.node('Relu', ['x']))
  assert.match(whyRefused(draft.model(), expectedOfForest(2, 2)) ?? 'taken', /not allowed/)
})

test('a forest is sound, and one with any number of its lists changed is refused or still sound', () => {
  const features = 3
  const expected = expectedOfForest(features, 2)
  fc.assert(
    fc.property(anyForest(features, 2), fc.nat(), fc.nat(), fc.integer(), (forest, a, b, to) => {
      const model = modelOfForest(forest)
      assert.equal(whyRefused(model, expected), undefined)
      const [node] = model.graph.nodes
      assert.ok(node)
      const lists = node.attributes.filter(({ kind }) => kind === 'ints')
      const list = lists[a % lists.length]
      assert.ok(list?.kind === 'ints')
      const value = list.value.with(b % list.value.length, to)
      const attributes = node.attributes.map((one) => (one === list ? { ...list, value } : one))
      const changed = { ...model, graph: { ...model.graph, nodes: [{ ...node, attributes }] } }
      if (whyRefused(changed, expected) !== undefined) return
      // What a leaf says of children or features is looked at by nobody.
      const isIdle = /featureids|truenodeids|falsenodeids|target_ids/.test(list.name)
      assert.ok(isIdle || value[b % value.length] === list.value[b % value.length], list.name)
    }),
    { numRuns: 300 },
  )
})

test('trees that go in a circle, or look at what is not there, are refused', () => {
  const forest = {
    features: 1,
    base: Float32Array.of(0),
    trees: [
      {
        output: 0,
        feature: Int32Array.of(0, -1, -1),
        threshold: Float32Array.of(0, 0, 0),
        left: Int32Array.of(1, 0, 0),
        right: Int32Array.of(2, 0, 0),
        value: Float32Array.of(0, 1, 2),
      },
    ],
  }
  const model = modelOfForest(forest)
  const changes: readonly [string, readonly number[], RegExp][] = [
    ['nodes_truenodeids', [0, 0, 0], /a child is not among the nodes that follow/],
    ['nodes_truenodeids', [3, 0, 0], /a child is not among the nodes that follow/],
    ['nodes_truenodeids', [2, 0, 0], /not one parent/],
    ['nodes_featureids', [1, 0, 0], /no feature 1/],
    ['nodes_featureids', [-1, 0, 0], /no feature -1/],
    ['nodes_nodeids', [0, 2, 1], /not numbered/],
    ['nodes_treeids', [0, 1, 0], /tree/],
    ['nodes_treeids', [1, 1, 1], /not numbered from zero/],
    ['nodes_nodeids', [0, 1], /not of one length/],
    ['target_ids', [0, 1], /one value/],
    ['target_nodeids', [1, 1], /one value/],
  ]
  for (const [name, value, words] of changes) {
    const [node] = model.graph.nodes
    assert.ok(node)
    const attributes = node.attributes.map((one) =>
      one.name === name ? { name, kind: 'ints' as const, value } : one,
    )
    const changed = { ...model, graph: { ...model.graph, nodes: [{ ...node, attributes }] } }
    assert.match(whyRefused(changed, expectedOfForest(1, 1)) ?? 'taken', words, name)
  }
})
