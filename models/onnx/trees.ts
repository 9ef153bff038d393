/**
 * What must be true of trees before the runtime sees them. It walks from node to node by the numbers
 * that the model names, and looks features up by theirs: a circle would never end, and a number that
 * is out of range reads memory that is none of its business.
 */
import { modelLimits } from './limits.ts'
import type { Attribute, Node } from './model.ts'

export const treeModes = { branch: 'BRANCH_LEQ', leaf: 'LEAF' } as const

/** The attributes of all nodes, each a list with one item for each node. */
export const nodeLists = [
  'nodes_treeids',
  'nodes_nodeids',
  'nodes_featureids',
  'nodes_truenodeids',
  'nodes_falsenodeids',
] as const
const leafLists = ['target_treeids', 'target_nodeids', 'target_ids'] as const

/** What is wrong, if anything is: in the form that `models/trees/export.ts` writes, nothing is. */
export function wrongInTrees(node: Node, widths: ReadonlyMap<string, number>): string | undefined {
  const features = widths.get(node.inputs[0] ?? '')
  if (features === undefined) return 'trees look at a matrix that the graph is given, and no other'
  const said = new Said(node.attributes)
  return wrongInAll(said) ?? wrongInNodes(said, features) ?? wrongInLeaves(said)
}

/** What the attributes of trees say, each by its name; nothing where it is left out. */
export class Said {
  readonly #byName: ReadonlyMap<string, Attribute>

  constructor(attributes: readonly Attribute[]) {
    this.#byName = new Map(attributes.map((attribute) => [attribute.name, attribute]))
  }

  text(name: string): string | undefined {
    const found = this.#byName.get(name)
    return found?.kind === 'text' ? found.value : undefined
  }

  int(name: string): number {
    const found = this.#byName.get(name)
    return found?.kind === 'int' ? found.value : -1
  }

  ints(name: string): readonly number[] {
    const found = this.#byName.get(name)
    return found?.kind === 'ints' ? found.value : []
  }

  floats(name: string): readonly number[] {
    const found = this.#byName.get(name)
    return found?.kind === 'floats' ? found.value : []
  }

  texts(name: string): readonly string[] {
    const found = this.#byName.get(name)
    return found?.kind === 'texts' ? found.value : []
  }

  get targets(): number {
    return this.int('n_targets')
  }

  get nodes(): number {
    return this.ints('nodes_nodeids').length
  }

  get leaves(): number {
    return this.ints('target_nodeids').length
  }
}

function wrongInAll(said: Said): string | undefined {
  const { targets, nodes, leaves } = said
  if (targets < 1 || targets > modelLimits.targetsMax) return `trees have ${targets} outputs`
  if (said.floats('base_values').length !== targets) return 'each output of trees has one base'
  if (said.text('aggregate_function') !== 'SUM') return 'trees are added up, and nothing else'
  if (said.text('post_transform') !== 'NONE') return 'what trees give is not transformed'
  if (nodes === 0) return 'there are no trees'
  const ofNodes = nodeLists.map((name) => said.ints(name).length)
  ofNodes.push(said.texts('nodes_modes').length, said.floats('nodes_values').length)
  const ofLeaves = leafLists.map((name) => said.ints(name).length)
  ofLeaves.push(said.floats('target_weights').length)
  const isEven = ofNodes.every((n) => n === nodes) && ofLeaves.every((n) => n === leaves)
  return isEven ? undefined : 'the lists of nodes and leaves are not of one length'
}

/** Trees come one after the other, and each node before its children: so there are no circles. */
function wrongInNodes(said: Said, features: number): string | undefined {
  const trees = said.ints('nodes_treeids')
  let start = 0
  for (let tree = 0; start < said.nodes; tree++) {
    let end = start
    while (end < said.nodes && trees[end] === tree) end++
    if (end === start) return 'trees are not numbered from zero, one after the other'
    const wrong = wrongInTree(said, start, end, features)
    if (wrong !== undefined) return `tree ${tree}: ${wrong}`
    start = end
  }
  return undefined
}

function wrongInTree(said: Said, start: number, end: number, features: number): string | undefined {
  const count = end - start
  const parents = new Uint8Array(count)
  for (let own = 0; own < count; own++) {
    const at = start + own
    if (said.ints('nodes_nodeids')[at] !== own) return 'nodes are not numbered from zero'
    const mode = said.texts('nodes_modes')[at]
    const feature = said.ints('nodes_featureids')[at] as number
    if (feature < 0 || feature >= features) return `there is no feature ${feature}`
    if (mode === treeModes.leaf) continue
    if (mode !== treeModes.branch) return 'a node is neither a branch by ≤ nor a leaf'
    for (const name of ['nodes_truenodeids', 'nodes_falsenodeids']) {
      const child = said.ints(name)[at] as number
      if (child <= own || child >= count) return 'a child is not among the nodes that follow'
      parents[child] = Math.min((parents[child] as number) + 1, 2)
    }
  }
  return parents.every((n, own) => n === (own === 0 ? 0 : 1))
    ? undefined
    : 'a node has not one parent'
}

/** Each leaf has one value, in the order of the leaves. */
function wrongInLeaves(said: Said): string | undefined {
  const modes = said.texts('nodes_modes')
  let next = 0
  for (let at = 0; at < said.nodes; at++) {
    if (modes[at] !== treeModes.leaf) continue
    const isItsOwn =
      said.ints('target_treeids')[next] === said.ints('nodes_treeids')[at] &&
      said.ints('target_nodeids')[next] === said.ints('nodes_nodeids')[at]
    const target = said.ints('target_ids')[next]
    if (!isItsOwn || target === undefined || target < 0 || target >= said.targets) {
      return 'a leaf has not one value, for one of the outputs'
    }
    next++
  }
  return next === said.leaves ? undefined : 'a value belongs to no leaf'
}
