/** One bag on its way: which hosts are in it in which group, and how much has been said. */
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Traffic } from '../rounds/carrying.ts'
import type { Growing } from './growing.ts'
import type { Asked } from './questions.ts'
import type { GrownTree } from './structure.ts'
import type { CountsSummed } from './summing.ts'

export class Bag {
  readonly groups: readonly (readonly PeerId[])[]
  readonly growing: Growing
  sums = 0
  readonly #hosts: (readonly PeerId[])[]
  readonly #traffic = new Map<PeerId, { up: number; down: number }>()

  constructor(groups: readonly (readonly PeerId[])[], growing: Growing) {
    this.groups = groups
    this.growing = growing
    this.#hosts = [...groups]
  }

  get isGrown(): boolean {
    return this.growing.groups.length > 0
  }

  /** Who has been in all sums so far: who was missing in one could make of the next what it likes. */
  hostsIn(group: number): readonly PeerId[] {
    return this.#hosts[group] as readonly PeerId[]
  }

  took(group: number, sum: CountsSummed, asked: Asked): void {
    this.sums++
    const told = bytesOfAsked(asked)
    for (const [id, { up, down }] of sum.traffic) this.#add(id, { up, down: down + told })
    if (sum.ok) this.#hosts[group] = sum.of
  }

  mostBytes(candidates: readonly (readonly GrownTree[])[]) {
    const all = [...this.#traffic.values()]
    // Each is told all candidates, and says one loss of each.
    const told = candidates.flat().reduce((sum, tree) => sum + bytesOfTree(tree), 0)
    return {
      upBytesMax: candidates.length * lossBytes + Math.max(0, ...all.map(({ up }) => up)),
      downBytesMax: told + Math.max(0, ...all.map(({ down }) => down)),
    }
  }

  #add(id: PeerId, { up, down }: Traffic): void {
    const so = this.#traffic.get(id) ?? { up: 0, down: 0 }
    this.#traffic.set(id, { up: so.up + up, down: so.down + down })
  }
}

const lossBytes = 8
/** A node with where it is cut, and a leaf with what it says. */
const branchBytes = 4
const leafBytes = 2 + 3 * 4

/** Which features a tree may look at follows from its number; the rest is as small as this. */
function bytesOfAsked({ trees }: Asked): number {
  return trees.reduce(
    (sum, { branches, nodes }) => sum + branchBytes * branches.size + 2 * nodes.length,
    0,
  )
}

function bytesOfTree({ branches, leaves }: GrownTree): number {
  return branchBytes * branches.size + leafBytes * leaves.size
}
