/** Chance, as those use it who draw workflows. */
import { below, type Entropy, pick } from '../../../protocol/ports/entropy.ts'

export class Dice {
  private readonly entropy: Entropy

  constructor(entropy: Entropy) {
    this.entropy = entropy
  }

  below(bound: number): number {
    return below(this.entropy, bound)
  }

  chance(share: number): boolean {
    return this.entropy.unit() < share
  }

  one<T>(among: readonly T[]): T {
    return among[this.below(among.length)] as T
  }

  /** Undefined where there is none. */
  some<T>(among: readonly T[]): T | undefined {
    return pick(this.entropy, among)
  }

  /** Mostly short, now and then long. */
  ms(mean: number): string {
    return String(Math.round(mean * -Math.log(1 - this.entropy.unit())))
  }
}
