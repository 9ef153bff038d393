/**
 * A sum of which the leader sees no part: what hosts say is carried between them and the server of
 * `models/federation/masking`, step by step. Whoever is silent is left behind, as long as enough are
 * left to take its masks away.
 */
import type { RoundReply, RoundStep } from '../../../agent/learning/round/wire.ts'
import {
  type Closed,
  MaskingServer,
  type Verdict,
} from '../../../models/federation/masking/server.ts'
import { gridOf, type Terms } from '../../../models/federation/masking/terms.ts'
import type { Steps } from '../../../models/federation/masking/unmasking.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import type { Asking, Replied } from './asking.ts'
import { roundsLimits } from './limits.ts'
import type { RollCall } from './roll-call.ts'

export type Opened =
  | { ok: true; sum: Int32Array; summed: readonly PeerId[] }
  /** `isSpoiled`: by what somebody in it gave. `isLost`: somebody is gone without whom it is none. */
  | { ok: false; why: string; isSpoiled?: boolean; isLost?: boolean }

export interface SumParts {
  readonly asking: Asking
  readonly roll: RollCall
  readonly verify: Verify
  /** Whatever else waits has its turn. */
  pause(): Promise<void>
}

export interface SumHow {
  /** By which hosts are asked for keys. */
  readonly begin: RoundStep & { kind: 'begin' | 'count' }
  /** Of all or of nobody: what goes on from a sum before it is of the same hosts. */
  readonly isOfAll: boolean
  /** Who counts, by sketches where there are some; and how many are left out of it. */
  select(candidates: ReadonlyMap<PeerId, readonly number[]>): {
    peers: readonly PeerId[]
    leftOut: number
  }
}

export class MaskedSum {
  readonly #parts: SumParts
  readonly #terms: Terms
  readonly #how: SumHow
  readonly #server: MaskingServer

  constructor(parts: SumParts, terms: Terms, how: SumHow) {
    this.#parts = parts
    this.#terms = terms
    this.#how = how
    this.#server = new MaskingServer(terms, parts.verify)
  }

  async run(): Promise<Opened> {
    const server = this.#server
    const { begin } = this.#how
    await this.#each(
      'keys',
      () => begin,
      (host, said) => server.takeKeys(host, said),
    )
    if (this.#isShort) return lostOne
    const list = server.closeKeys()
    if (!list.ok) return tooFewLeft(list)
    await this.#each(
      'dealing',
      () => ({ kind: 'deal', value: list.message }),
      (host, said) => server.takeDealing(host, said),
    )
    if (this.#isShort) return lostOne
    const hands = server.closeDealing()
    if (!hands.ok) return tooFewLeft(hands)
    await this.#each(
      'masked',
      (host) => ({ kind: 'mask', value: hands.message.get(host) ?? { shares: [] } }),
      (host, said) => server.takeMasked(host, said),
    )
    return this.#isShort ? lostOne : this.#unmasked()
  }

  async #unmasked(): Promise<Opened> {
    const server = this.#server
    const roll = server.closeMasked()
    if (!roll.ok) return tooFewLeft(roll)
    if (this.#terms.sketch > 0) {
      const { bits } = gridOf(this.#terms)
      await this.#each(
        'sketch',
        () => ({ kind: 'sketch', value: roll.message }),
        (host, said) =>
          isWeight(said.sums.at(-1), bits) ? server.takeSketch(host, said) : 'malformed',
      )
    }
    const { peers, leftOut } = this.#how.select(server.candidates())
    const selection = server.select(peers)
    if (!selection.ok) return { ...tooFewLeft(selection), isSpoiled: leftOut > 0 }
    await this.#each(
      'reveal',
      () => ({ kind: 'reveal', value: selection.message }),
      (host, said) => server.takeReveal(host, said),
    )
    return this.#opened()
  }

  async #opened(): Promise<Opened> {
    const opening = await this.#inSteps(this.#server.opening())
    const liars = 'liars' in opening ? opening.liars : []
    for (const host of liars) this.#parts.roll.lied(host)
    if (opening.ok) return { ok: true, sum: opening.sum, summed: opening.summed }
    const isSpoiled = opening.why === 'sketchesDoNotAddUp'
    return { ok: false, why: openingWhys[opening.why], isSpoiled, isLost: this.#isShort }
  }

  /** Of a sum of all or of nobody: whether somebody is gone. */
  get #isShort(): boolean {
    if (!this.#how.isOfAll) return false
    const present = new Set(this.#parts.roll.present)
    return !this.#terms.participants.every((host) => present.has(host))
  }

  async #inSteps<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      await this.#parts.pause()
    }
  }

  async #each<R extends RoundReply['kind']>(
    wanted: R,
    stepOf: (host: PeerId) => RoundStep,
    take: (host: PeerId, said: Replied<R>) => Verdict,
  ): Promise<void> {
    const { asking, roll } = this.#parts
    const present = new Set(roll.present)
    const hosts = this.#terms.participants.filter((host) => present.has(host))
    await asking.each({ wanted, deadlineMs: roundsLimits.stepMs, hosts, stepOf, take })
  }
}

const lostOne: Opened = {
  ok: false,
  why: 'a host was lost while it was counted, and what is counted is of the same hosts',
  isLost: true,
}

const openingWhys = {
  outOfTurn: 'the sum was opened too early',
  tooFewShares: 'too few hosts were left to open the sum',
  falseSecret: 'a host has lied about what its masks are made of, and the sum cannot be opened',
  sketchesDoNotAddUp: 'a host has lied about its update, and nobody can say which',
} as const

function tooFewLeft({ have }: Extract<Closed<unknown>, { ok: false }>): { ok: false; why: string } {
  return { ok: false, why: `${have} hosts were left under masks, which are too few to open a sum` }
}

/** Nobody counts for more than one: whoever could would have a mean to itself. */
function isWeight(value: number | undefined, bits: number): boolean {
  return value !== undefined && value >= 0 && value <= 2 ** bits
}
