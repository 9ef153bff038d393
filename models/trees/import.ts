/** A model in ONNX as the forest that it is, where it is in the form that `export.ts` writes. */
import type { Forest, Tree } from '../forest.ts'
import { wrongIn } from '../onnx/check.ts'
import { type Model, type Node, treeDomain } from '../onnx/model.ts'
import { treeEnsemble } from '../onnx/operators.ts'
import { modelIn } from '../onnx/read.ts'
import { Said, treeModes } from '../onnx/trees.ts'

export interface ForestModel {
  readonly forest: Forest
  /** What the model calls the rows that it is given, and what it gives. */
  readonly input: string
  readonly output: string
}

/** Undefined where it is anything else, sound or not: that is for the runtime to judge. */
export function forestIn(bytes: Uint8Array): ForestModel | undefined {
  const read = modelIn(bytes)
  if (read.kind === 'refused') return undefined
  const { inputs, outputs, nodes } = read.model.graph
  const [[input], [output], [node]] = [inputs, outputs, nodes]
  if (input === undefined || output === undefined || node === undefined) return undefined
  const [[rows, features], [, width]] = [input.dims, output.dims]
  if (typeof features !== 'number' || typeof width !== 'number') return undefined
  if (!isForest(read.model, node, rows, features, width)) return undefined
  const forest = forestOf(new Said(node.attributes), features, width)
  return forest && { forest, input: input.name, output: output.name }
}

/** One operator, from the rows that are given to what is given back, and sound. */
function isForest(
  model: Model,
  node: Node,
  rows: number | string | undefined,
  features: number,
  width: number,
): boolean {
  const { inputs, outputs, nodes, weights } = model.graph
  const [input, output] = [inputs[0]?.name ?? '', outputs[0]?.name ?? '']
  const isAlone = nodes.length === 1 && weights.length === 0 && node.outputs[0] === output
  const isVersioned = model.opsets.some(({ domain }) => domain === treeDomain)
  if (!isAlone || !isVersioned || typeof rows !== 'string') return false
  const wrong = wrongIn(model, {
    inputs: { [input]: { type: 'float32', dims: [rows, features] } },
    outputs: { [output]: { type: 'float32', dims: [rows, width] } },
    operators: new Set([treeEnsemble]),
  })
  return wrong === undefined && new Said(node.attributes).targets === width
}

/** Undefined where a tree adds to several outputs, or none to one of them. */
function forestOf(said: Said, features: number, width: number): Forest | undefined {
  const trees: Tree[] = []
  const numbers = said.ints('nodes_treeids')
  let leaves = 0
  for (let start = 0; start < said.nodes; ) {
    let end = start
    while (end < said.nodes && numbers[end] === numbers[start]) end++
    const tree = treeOf(said, start, end, leaves)
    if (tree === undefined) return undefined
    trees.push(tree)
    leaves += tree.feature.filter((feature) => feature < 0).length
    start = end
  }
  const grown = new Set(trees.map(({ output }) => output))
  if (grown.size !== width) return undefined
  return { features, base: Float32Array.from(said.floats('base_values')), trees }
}

function treeOf(said: Said, start: number, end: number, leaves: number): Tree | undefined {
  const modes = said.texts('nodes_modes').slice(start, end)
  const isLeaf = modes.map((mode) => mode === treeModes.leaf)
  const count = isLeaf.filter(Boolean).length
  const targets = said.ints('target_ids').slice(leaves, leaves + count)
  const [output] = targets
  if (output === undefined || targets.some((target) => target !== output)) return undefined
  const values = said.floats('target_weights').slice(leaves, leaves + count)
  const features = said.ints('nodes_featureids').slice(start, end)
  // Values come in the order of the leaves.
  let leaf = 0
  return {
    output,
    feature: Int32Array.from(features, (feature, own) => (isLeaf[own] ? -1 : feature)),
    threshold: Float32Array.from(said.floats('nodes_values').slice(start, end)),
    left: Int32Array.from(said.ints('nodes_truenodeids').slice(start, end)),
    right: Int32Array.from(said.ints('nodes_falsenodeids').slice(start, end)),
    value: Float32Array.from(isLeaf, (is) => (is ? (values[leaf++] as number) : 0)),
  }
}
