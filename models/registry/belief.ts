/**
 * Whether a host speaks by a version, or by its own history alone: by how far both were off with what
 * has ended there since, on the whole and of each kind of work. So a version that is no good for a host
 * is not heard there, whatever others say of it and whoever made it.
 */
import { type Judgement, Tally } from './standing.ts'

export const beliefLimits = {
  /** Where history speaks, a version is believed after so many attempts, if it is better by a twentieth. */
  provenAttempts: 8,
  provenBy: 0.05,
  /** Of one kind of work so many attempts, of late, say whether a version is good of that kind. */
  kindAttempts: 32,
  /** Kinds of work that are told apart, the one judged last at the end. */
  kindsMax: 2_048,
} as const

interface OfKind {
  readonly n: number
  readonly loss: number
  readonly plain: number
}

const nothing: OfKind = { n: 0, loss: 0, plain: 0 }

export class Belief {
  /** Since the version is here. */
  readonly record = new Tally()
  /** How many attempts, and sums over them. */
  readonly #ofKind = new Map<string, OfKind>()

  get isProven(): boolean {
    const { n, loss, plain } = this.record.standing
    return n >= beliefLimits.provenAttempts && loss <= plain * (1 - beliefLimits.provenBy)
  }

  /** Of one kind that history knew when it was judged. */
  noteKind(kind: string, { loss, plain }: Judgement): void {
    const before = this.#ofKind.get(kind) ?? nothing
    const { kindAttempts, kindsMax } = beliefLimits
    // The latest count most, as far as there are more than are looked back on.
    const kept = before.n < kindAttempts ? 1 : 1 - 1 / kindAttempts
    this.#ofKind.delete(kind)
    this.#ofKind.set(kind, {
      n: kept * before.n + 1,
      loss: kept * before.loss + loss,
      plain: kept * before.plain + plain,
    })
    const [oldest] = this.#ofKind.keys()
    if (this.#ofKind.size > kindsMax && oldest !== undefined) this.#ofKind.delete(oldest)
  }

  /**
   * Beside history; `isOfKind`: which knows the very same kind, of which the version must have been no
   * worse, then: whoever is good on the whole may know nothing of what is new, or of a kind for itself.
   */
  isBelieved(kind: string, isOfKind: boolean): boolean {
    return this.isProven && (!isOfKind || this.#isGoodOf(kind))
  }

  #isGoodOf(kind: string): boolean {
    const { n, loss, plain } = this.#ofKind.get(kind) ?? nothing
    return n >= beliefLimits.provenAttempts && loss <= plain
  }

  forgetKinds(): void {
    this.#ofKind.clear()
  }
}
