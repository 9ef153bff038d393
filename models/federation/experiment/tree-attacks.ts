/** Hosts that lie while trees are grown: in what they count, and in their votes. */
import { below, type Entropy } from '../../../protocol/ports/entropy.ts'
import type { TreeHost } from '../trees/bags.ts'
import { treesLimits as limits } from '../trees/limits.ts'
import { type Asked, cellCounts } from '../trees/questions.ts'
import type { GrownTree } from '../trees/structure.ts'
import { type Attack, scaledBy } from './attacks.ts'

export class LyingTreeHost implements TreeHost {
  readonly signer: TreeHost['signer']
  readonly #honest: TreeHost
  readonly #attack: Attack
  readonly #chance: Entropy
  #lossBefore: number | undefined

  constructor(honest: TreeHost, attack: Attack, chance: Entropy) {
    this.signer = honest.signer
    this.#honest = honest
    this.#attack = attack
    this.#chance = chance
  }

  counts(asked: Asked): Int32Array {
    const honest = this.#honest.counts(asked)
    switch (this.#attack) {
      case 'sign-flip':
        return asked.about === 'cuts' ? opposite(honest) : mirrored(honest)
      case 'scale':
        return honest.map((count) => scaledBy * count)
      case 'random':
        return honest.map((count) => below(this.#chance, 2 * count + 2))
      case 'label-shift':
        return honest
    }
  }

  /** Says the opposite: that it is better off with what is worse. */
  loss(trees: readonly GrownTree[]): number {
    const loss = this.#honest.loss(trees)
    this.#lossBefore ??= loss
    return this.#lossBefore ** 2 / Math.max(loss, Number.MIN_VALUE)
  }

  take(trees: readonly GrownTree[]): void {
    this.#honest.take(trees)
  }

  beginAnew(): void {
    this.#honest.beginAnew()
  }
}

/** As a gradient with its sign turned, but such as rows could give: what lies below is said to lie above. */
function opposite(counts: Int32Array): Int32Array {
  return counts.map((count, i) => {
    const rows = counts[i - (i % cellCounts)] as number
    return i % cellCounts === 0 ? count : rows - count
  })
}

/** What is far below is said to be as far above. */
function mirrored(counts: Int32Array): Int32Array {
  const { offSteps } = limits
  return counts.map((_, i) => {
    const from = i - (i % offSteps)
    return counts[from + offSteps - 1 - (i - from)] as number
  })
}
