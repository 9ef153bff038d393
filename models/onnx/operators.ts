/**
 * The operators that a model may have: those that models here are made of, none of which asks for more
 * than a few times the memory of what it is given. No loops, no branches, no files.
 */
import { type Attribute, type Node, treeDomain } from './model.ts'
import { wrongInTrees } from './trees.ts'

export interface Operator {
  readonly inputs: readonly [least: number, most: number]
  readonly attributes: Readonly<Record<string, Attribute['kind']>>
  /** What else is wrong with it. `widths`: of matrices that the graph is given, by name. */
  readonly wrong?: (node: Node, widths: ReadonlyMap<string, number>) => string | undefined
}

const one: Operator = { inputs: [1, 1], attributes: {} }
const two: Operator = { inputs: [2, 2], attributes: {} }
const sum: Operator = { inputs: [1, 2], attributes: { keepdims: 'int' } }

export const treeEnsemble = 'TreeEnsembleRegressor'

const standard: Readonly<Record<string, Operator>> = {
  Add: two,
  Cast: { inputs: [1, 1], attributes: { to: 'int' } },
  Concat: { inputs: [1, 256], attributes: { axis: 'int' } },
  Div: two,
  Gather: { inputs: [2, 2], attributes: { axis: 'int' } },
  Greater: two,
  Identity: one,
  MatMul: two,
  Max: { inputs: [1, 8], attributes: {} },
  Mul: two,
  Neg: one,
  ReduceMean: sum,
  ReduceSum: sum,
  Relu: one,
  Reshape: two,
  Shape: one,
  Sigmoid: one,
  Slice: { inputs: [3, 5], attributes: {} },
  Softplus: one,
  Sqrt: one,
  Sub: two,
  Transpose: { inputs: [1, 1], attributes: { perm: 'ints' } },
}

const learned: Readonly<Record<string, Operator>> = {
  [treeEnsemble]: {
    inputs: [1, 1],
    attributes: {
      aggregate_function: 'text',
      base_values: 'floats',
      n_targets: 'int',
      nodes_falsenodeids: 'ints',
      nodes_featureids: 'ints',
      nodes_modes: 'texts',
      nodes_nodeids: 'ints',
      nodes_treeids: 'ints',
      nodes_truenodeids: 'ints',
      nodes_values: 'floats',
      post_transform: 'text',
      target_ids: 'ints',
      target_nodeids: 'ints',
      target_treeids: 'ints',
      target_weights: 'floats',
    },
    wrong: wrongInTrees,
  },
}

const byDomain = new Map<string, ReadonlyMap<string, Operator>>([
  ['', new Map(Object.entries(standard))],
  [treeDomain, new Map(Object.entries(learned))],
])

export function operatorOf({ domain, operator }: Node): Operator | undefined {
  return byDomain.get(domain)?.get(operator)
}
