/** A forest as a model that the runtime runs: one operator, with every node of every tree. */
import { assert } from '../../protocol/assert.ts'
import type { Forest, Tree } from '../forest.ts'
import type { Expectations } from '../onnx/check.ts'
import { Draft, int } from '../onnx/draft.ts'
import { modelLimits } from '../onnx/limits.ts'
import { type AttributeValue, type Model, treeDomain } from '../onnx/model.ts'
import { treeEnsemble } from '../onnx/operators.ts'
import { treeModes } from '../onnx/trees.ts'

/** `x` has a row for each that is asked about, `y` as many, with one column for each output. */
export const forestInput = 'x'
export const forestOutput = 'y'

interface Lists {
  readonly ints: Record<
    | 'nodes_treeids'
    | 'nodes_nodeids'
    | 'nodes_featureids'
    | 'nodes_truenodeids'
    | 'nodes_falsenodeids'
    | 'target_treeids'
    | 'target_nodeids'
    | 'target_ids',
    number[]
  >
  readonly nodesModes: string[]
  readonly nodesValues: number[]
  readonly targetWeights: number[]
}

export function modelOfForest(forest: Forest): Model {
  const { features, base } = forest
  assert(base.length <= modelLimits.targetsMax, 'a forest must not have too many outputs')
  const lists = emptyLists()
  // The runtime takes no ensemble without a tree, and forgets the base of an output without one.
  const grown = new Set(forest.trees.map(({ output }) => output))
  const bare = [...base.keys()].filter((output) => !grown.has(output))
  const trees = [...forest.trees, ...bare.map(leafOnly)]
  for (const [number, tree] of trees.entries()) addTree(lists, tree, number)
  assert(
    lists.nodesModes.length <= modelLimits.attributeItemsMax,
    'a forest must not have too many nodes',
    { nodes: lists.nodesModes.length },
  )
  const draft = new Draft('forest')
  draft.input(forestInput, ['rows', features])
  draft.node(treeEnsemble, [forestInput], attributesOf(lists, base), {
    domain: treeDomain,
    output: forestOutput,
  })
  draft.output(forestOutput, ['rows', base.length], forestOutput)
  return draft.model()
}

/** What a forest of others must be, to be run here. */
export function expectedOfForest(features: number, outputs: number): Expectations {
  return {
    inputs: { [forestInput]: { type: 'float32', dims: ['rows', features] } },
    outputs: { [forestOutput]: { type: 'float32', dims: ['rows', outputs] } },
    operators: new Set([treeEnsemble]),
  }
}

function leafOnly(output: number): Tree {
  return {
    output,
    feature: Int32Array.of(-1),
    threshold: Float32Array.of(0),
    left: Int32Array.of(0),
    right: Int32Array.of(0),
    value: Float32Array.of(0),
  }
}

function emptyLists(): Lists {
  return {
    ints: {
      nodes_treeids: [],
      nodes_nodeids: [],
      nodes_featureids: [],
      nodes_truenodeids: [],
      nodes_falsenodeids: [],
      target_treeids: [],
      target_nodeids: [],
      target_ids: [],
    },
    nodesModes: [],
    nodesValues: [],
    targetWeights: [],
  }
}

/** Numbers its nodes anew, each before its children, however they were numbered as it grew. */
function addTree(lists: Lists, tree: Tree, number: number): void {
  const order = [0]
  const children = new Map<number, readonly [left: number, right: number]>()
  for (let own = 0; own < order.length; own++) {
    const node = order[own] as number
    if ((tree.feature[node] as number) < 0) continue
    children.set(own, [order.length, order.length + 1])
    order.push(tree.left[node] as number, tree.right[node] as number)
    assert(order.length <= tree.feature.length, 'each node of a tree must have one parent')
  }
  const { ints } = lists
  for (const [own, node] of order.entries()) {
    const both = children.get(own)
    const [left, right] = both ?? [0, 0]
    ints.nodes_treeids.push(number)
    ints.nodes_nodeids.push(own)
    ints.nodes_featureids.push(both ? (tree.feature[node] as number) : 0)
    ints.nodes_truenodeids.push(left)
    ints.nodes_falsenodeids.push(right)
    lists.nodesModes.push(both ? treeModes.branch : treeModes.leaf)
    lists.nodesValues.push(both ? (tree.threshold[node] as number) : 0)
    if (both) continue
    ints.target_treeids.push(number)
    ints.target_nodeids.push(own)
    ints.target_ids.push(tree.output)
    lists.targetWeights.push(tree.value[node] as number)
  }
}

function attributesOf(lists: Lists, base: Float32Array): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {}
  for (const [name, value] of Object.entries(lists.ints)) attributes[name] = { kind: 'ints', value }
  return {
    ...attributes,
    nodes_modes: { kind: 'texts', value: lists.nodesModes },
    nodes_values: { kind: 'floats', value: lists.nodesValues },
    target_weights: { kind: 'floats', value: lists.targetWeights },
    base_values: { kind: 'floats', value: [...base] },
    n_targets: int(base.length),
    aggregate_function: { kind: 'text', value: 'SUM' },
    post_transform: { kind: 'text', value: 'NONE' },
  }
}
