/**
 * The sum of updates of which the leader sees none: what hosts say is carried between them and the
 * server of `models/federation/masking`, step by step. Whoever is silent is left behind, as long as
 * enough are left to take its masks away.
 */
import type { RoundReply, RoundStep } from '../../../agent/learning/round/wire.ts'
import {
  type Closed,
  MaskingServer,
  type Verdict,
} from '../../../models/federation/masking/server.ts'
import { gridOf, type Terms } from '../../../models/federation/masking/terms.ts'
import type { Steps } from '../../../models/federation/masking/unmasking.ts'
import type { Course } from '../../../models/federation/rounds/course.ts'
import { Judging } from '../../../models/federation/rounds/judging.ts'
import { meanIn } from '../../../models/federation/rounds/weighing.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import type { Asking, Replied } from './asking.ts'
import { roundsLimits } from './limits.ts'
import type { RollCall } from './roll-call.ts'

export type Summed =
  | { ok: true; update: Float32Array; usualLength: number; summed: readonly PeerId[] }
  /** `isSpoiled`: of what somebody in it gave; by a lie nobody can say whose. */
  | { ok: false; why: string; isSpoiled?: boolean }

export interface SumParts {
  readonly asking: Asking
  readonly roll: RollCall
  readonly verify: Verify
  /** Whatever else waits has its turn. */
  pause(): Promise<void>
}

export class MaskedSum {
  readonly #parts: SumParts
  readonly #terms: Terms
  readonly #server: MaskingServer
  readonly #judging: Judging
  readonly #bits: number

  constructor(parts: SumParts, terms: Terms, course: Pick<Course, 'rule' | 'liarsMax' | 'sketch'>) {
    this.#parts = parts
    this.#terms = terms
    this.#server = new MaskingServer(terms, parts.verify)
    this.#bits = gridOf(terms).bits
    this.#judging = new Judging(course, this.#bits)
  }

  async run(): Promise<Summed> {
    const server = this.#server
    const { round, participants, sketch } = this.#terms
    const begin = { round, participants: [...participants], sketch }
    await this.#each('begin', 'keys', begin, (host, said) => server.takeKeys(host, said))
    const list = server.closeKeys()
    if (!list.ok) return tooFewLeft(list)
    await this.#each('deal', 'dealing', list.message, (host, said) =>
      server.takeDealing(host, said),
    )
    const hands = server.closeDealing()
    if (!hands.ok) return tooFewLeft(hands)
    const handOf = (host: PeerId) => hands.message.get(host) ?? { shares: [] }
    await this.#each('mask', 'masked', handOf, (host, said) => server.takeMasked(host, said))
    const roll = server.closeMasked()
    if (!roll.ok) return tooFewLeft(roll)
    await this.#each('sketch', 'sketch', roll.message, (host, said) =>
      isWeight(said.sums.at(-1), this.#bits) ? server.takeSketch(host, said) : 'malformed',
    )
    const selection = server.select(this.#judging.select(server.candidates()))
    const { leftOut } = this.#judging
    for (const { host, why } of leftOut)
      this.#parts.roll.leaveOut(host, 'notCounted', leftOutWhys[why])
    if (!selection.ok) return { ...tooFewLeft(selection), isSpoiled: leftOut.length > 0 }
    await this.#each('reveal', 'reveal', selection.message, (host, said) =>
      server.takeReveal(host, said),
    )
    return this.#opened()
  }

  async #opened(): Promise<Summed> {
    const { roll } = this.#parts
    const opening = await this.#inSteps(this.#server.opening())
    const liars = 'liars' in opening ? opening.liars : []
    for (const host of liars) roll.lied(host)
    if (!opening.ok) {
      const isSpoiled = opening.why === 'sketchesDoNotAddUp'
      return { ok: false, why: openingWhys[opening.why], isSpoiled }
    }
    const { summed } = opening
    roll.count(summed)
    const { usualLength } = this.#judging
    return { ok: true, update: meanIn(opening.sum, this.#bits), usualLength, summed }
  }

  async #inSteps<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      await this.#parts.pause()
    }
  }

  /** The same to all, or to each its own. */
  async #each<K extends Masked, R extends RoundReply['kind']>(
    step: K,
    wanted: R,
    value: ValueOf<K> | ((host: PeerId) => ValueOf<K>),
    take: (host: PeerId, said: Replied<R>) => Verdict,
  ): Promise<void> {
    const { asking, roll } = this.#parts
    const present = new Set(roll.present)
    const of = typeof value === 'function' ? value : () => value
    await asking.each({
      step,
      wanted,
      deadlineMs: roundsLimits.stepMs,
      hosts: this.#terms.participants.filter((host) => present.has(host)),
      stepOf: (host) => ({ kind: step, value: of(host) }) as RoundStep,
      take,
    })
  }
}

type Masked = 'begin' | 'deal' | 'mask' | 'sketch' | 'reveal'
type ValueOf<K extends Masked> = Extract<RoundStep, { kind: K }>['value']

const leftOutWhys = {
  notFinite: 'its update is of no numbers',
  tooLong: 'its update is much longer than those of others',
  farFromOthers: 'its update lies far from those of others',
} as const

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
