/**
 * A version of the family of trees as bytes, and back: a model in ONNX that says all by itself, as
 * `blob.ts` has it for the network. What comes from others is taken only if it is to the byte what is
 * made here of the trees that are in it: cut where features may be cut, and nowhere else.
 */
import { assert } from '../../protocol/assert.ts'
import { sameBytes } from '../../protocol/same-bytes.ts'
import { describedCuts as cuts, describedStart } from '../federation/trees/cuts.ts'
import { forestOf } from '../federation/trees/forest.ts'
import { treesLimits } from '../federation/trees/limits.ts'
import type { Branch, GrownTree } from '../federation/trees/structure.ts'
import { isWholeTree } from '../federation/trees/whole.ts'
import type { Forest } from '../forest.ts'
import type { Attribute } from '../onnx/model.ts'
import { treeEnsemble } from '../onnx/operators.ts'
import { treeModes } from '../onnx/trees.ts'
import { bytesOf } from '../onnx/write.ts'
import { levels } from '../rows.ts'
import { expectedOfForest, modelOfForest } from '../trees/export.ts'
import { registryLimits } from './limits.ts'
import { soundIn } from './sound.ts'

export interface GrownForest {
  readonly trees: readonly GrownTree[]
  readonly forest: Forest
}

export type UnpackedForest =
  | { readonly ok: true; readonly grown: GrownForest }
  | { readonly ok: false; readonly why: string }

const expected = expectedOfForest(cuts.length, levels.length)
const named = Buffer.from(treeEnsemble)

/** The same trees give the same bytes. Of none: what is said before there is a tree. */
export function packedForest(trees: readonly GrownTree[]): Uint8Array {
  return forestMade(trees).version
}

/** With what it is when it is unpacked again. */
export function forestMade(trees: readonly GrownTree[]) {
  const why = wrongTrees(trees)
  assert(why === undefined, 'a version must be of trees that make sense', { why })
  const forest = forestOf(trees, cuts, describedStart)
  const learned = { family: 'trees', trees, forest } as const
  return { version: bytesOf(modelOfForest(forest)), learned }
}

/** Whether it says that it is of trees. */
export function isForestBlob(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(named)
}

export function nodesIn(trees: readonly GrownTree[]): number {
  return trees.reduce((sum, { branches, leaves }) => sum + branches.size + leaves.size, 0)
}

/** Why these are no version's; undefined where they are. */
export function wrongTrees(trees: readonly GrownTree[]): string | undefined {
  const nodes = nodesIn(trees)
  if (nodes > treesLimits.nodesMax) {
    return `it has ${nodes} nodes; a forest has ${treesLimits.nodesMax} at most`
  }
  const isWhole = trees.every((tree) => isWholeTree(tree, cuts, registryLimits.moveMax))
  return isWhole ? undefined : 'a tree of it is not whole, or says what is no answer'
}

/** `hash`: by which it was asked for. */
export function unpackedForest(bytes: Uint8Array, hash: string): UnpackedForest {
  const { forestBytesMax: bytesMax } = registryLimits
  const sound = soundIn(bytes, { hash, what: 'forest', bytesMax, expected })
  if (!sound.ok) return sound
  const trees = treesIn(sound.graph.nodes.flatMap(({ attributes }) => attributes))
  if (trees === undefined) return refused('its trees are not cut as trees of this model are')
  const why = wrongTrees(trees)
  if (why !== undefined) return refused(why)
  const forest = forestOf(trees, cuts, describedStart)
  if (!sameBytes(bytesOf(modelOfForest(forest)), bytes)) {
    return refused('its graph is not that of this model')
  }
  return { ok: true, grown: { trees, forest } }
}

/** One tree of the runtime, which says one quantile. */
interface Bare {
  readonly branches: Map<number, Branch>
  readonly leaves: Map<number, number>
}

/** Undefined where they cannot be ours. */
function treesIn(attributes: readonly Attribute[]): GrownTree[] | undefined {
  const bare = bareTreesIn(new Map(attributes.map((one) => [one.name, one.value])))
  if (bare === undefined || bare.length % levels.length !== 0) return undefined
  const trees: GrownTree[] = []
  for (let at = 0; at < bare.length; at += levels.length) {
    const [first, second, third] = bare.slice(at, at + levels.length) as [Bare, Bare, Bare]
    const leaves = new Map(
      [...first.leaves].map(([node, move]) => {
        const others = [second.leaves.get(node), third.leaves.get(node)]
        return [node, [move, ...others.map((one) => one ?? Number.NaN)] as const]
      }),
    )
    trees.push({ branches: first.branches, leaves: leaves as unknown as GrownTree['leaves'] })
  }
  // Of a forest without a tree the runtime is told one that says nothing.
  const [only] = trees
  const isNone = trees.length === 1 && only !== undefined && saysNothing(only)
  return isNone ? [] : trees
}

export function saysNothing({ branches, leaves }: GrownTree): boolean {
  return branches.size === 0 && [...leaves.values()].flat().every((move) => move === 0)
}

/** Attributes of models that were checked: lists are of one length, and each node before its children. */
function bareTreesIn(said: ReadonlyMap<string, Attribute['value']>): Bare[] | undefined {
  const numbers = (name: string) => said.get(name) as readonly number[]
  const modes = said.get('nodes_modes') as readonly string[]
  const ofTrees = numbers('nodes_treeids')
  const weights = numbers('target_weights')
  const [lefts, rights] = [numbers('nodes_truenodeids'), numbers('nodes_falsenodeids')]
  const [features, values] = [numbers('nodes_featureids'), numbers('nodes_values')]
  const trees: Bare[] = []
  let places: number[] = []
  let [start, leaf] = [0, 0]
  for (const [at, of] of ofTrees.entries()) {
    if (of === trees.length) {
      trees.push({ branches: new Map(), leaves: new Map() })
      places = [0]
      start = at
    }
    const { branches, leaves } = trees[of] as Bare
    const node = places[at - start] ?? Number.NaN
    if (modes[at] === treeModes.leaf) {
      leaves.set(node, weights[leaf++] as number)
      continue
    }
    const feature = features[at] as number
    const step = cuts[feature]?.indexOf(values[at] as number) ?? -1
    if (step < 0 || !(node < 2 ** treesLimits.depthMax - 1)) return undefined
    branches.set(node, { feature, step })
    places[lefts[at] as number] = 2 * node + 1
    places[rights[at] as number] = 2 * node + 2
  }
  return trees
}

function refused(why: string): UnpackedForest {
  return { ok: false, why }
}
