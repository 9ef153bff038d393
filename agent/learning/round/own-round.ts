/**
 * One federated round at this host, from the invitation on: it trains on its own rows, gives what
 * training changed under masks, and says how far the version before and up to three after are off on rows
 * that it did not train on. Each step is taken once and in order, and everything that whoever leads
 * says is looked at as if a liar had said it.
 */

import { EngineError } from '../../../models/engine.ts'
import { onGrid } from '../../../models/federation/masking/fixed-point.ts'
import { gridOf, type Terms, thresholdsOf } from '../../../models/federation/masking/terms.ts'
import { addNoise, ownDeviation } from '../../../models/federation/privacy.ts'
import { TrainingHost } from '../../../models/federation/rounds/host.ts'
import { NetTrainable } from '../../../models/federation/rounds/net-trainable.ts'
import { weighed } from '../../../models/federation/rounds/weighing.ts'
import type { Net } from '../../../models/nets/net.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { OwnRow } from '../lesson.ts'
import type { ModelStore } from '../models.ts'
import { roundLimits } from './limits.ts'
import { ownExamples } from './own-examples.ts'
import { OwnSum, type OwnSumParts, type SumStep, wrongTerms } from './own-sum.ts'
import { rounded, roundedRows } from './rounding.ts'
import {
  type Beginning,
  type Invitation,
  outOfTurn,
  type RoundReply,
  type RoundStep,
  refusal,
} from './wire.ts'

export interface OwnRoundParts extends OwnSumParts {
  readonly clock: Pick<Clock, 'after'>
  /** Where it trains and judges: the same in all rounds, so that what is open stays so. */
  readonly net: Net
  readonly models: Pick<ModelStore, 'fetch'>
  /** Of this host's own history. */
  rows(): AsyncIterable<OwnRow>
  /** What this host is called. */
  readonly host: string
}

type Ballot = Extract<RoundStep, { kind: 'vote' }>['value']
type Phase = 'new' | 'invited' | 'training' | 'trained' | 'masking' | 'masked' | 'voted' | 'over'

export class OwnRound {
  readonly leader: PeerId
  readonly term: number
  readonly number: number
  readonly #parts: OwnRoundParts
  readonly #chance: Entropy
  #phase: Phase = 'new'
  /** Steps that wait for what the engine says. */
  #atEngine = 0
  #how: Invitation | undefined
  #base: Float32Array = new Float32Array(0)
  #update: Float32Array = new Float32Array(0)
  #host: TrainingHost | undefined
  #sum: OwnSum | undefined

  /** `chance`: never the same again. */
  constructor(
    of: { leader: PeerId; term: number; number: number },
    parts: OwnRoundParts,
    chance: Entropy,
  ) {
    this.leader = of.leader
    this.term = of.term
    this.number = of.number
    this.#parts = parts
    this.#chance = chance
  }

  /** Never rejects for what others have said, or for what the engine does. */
  async take(step: RoundStep): Promise<RoundReply> {
    const asksEngine = step.kind === 'train' || step.kind === 'vote'
    if (asksEngine) this.#atEngine++
    try {
      return await this.#take(step)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return refusal('engineFailed', error.message)
    } finally {
      if (asksEngine) this.#atEngine--
    }
  }

  /** What is held for it is let go; nothing is said in it any more. */
  async close(): Promise<void> {
    this.#phase = 'over'
    this.#sum = undefined
    this.#host = undefined
    this.#update = new Float32Array(0)
    // What still runs, or waits to, is given up.
    if (this.#atEngine > 0) await this.#parts.net.close().catch(() => {})
  }

  async #take(step: RoundStep): Promise<RoundReply> {
    switch (step.kind) {
      case 'invite':
        return this.#invited(step.value)
      case 'train':
        return this.#train()
      case 'begin':
        return this.#begin(step.value)
      case 'deal':
      case 'mask':
      case 'sketch':
      case 'reveal':
        return this.#summed(step)
      case 'vote':
        return this.#vote(step.value)
      case 'over':
        await this.close()
        return { kind: 'done', value: {} }
      case 'inviteTrees':
      case 'count':
      case 'voteTrees':
        return outOfTurn
    }
  }

  async #invited(how: Invitation): Promise<RoundReply> {
    if (!this.#goes('new', 'invited')) return outOfTurn
    const beyond = beyondLimits(how)
    if (beyond !== undefined) return refusal('beyondLimits', `no round is to have that ${beyond}`)
    const fetched = await this.#fetched(how.base)
    if (!fetched.ok) return refusal('noModel', fetched.why)
    const { clock, host, signer } = this.#parts
    const own = await ownExamples({ clock, host, rows: () => this.#parts.rows() })
    if (this.#phase !== 'invited') return outOfTurn
    if (own === undefined) {
      const why = `it has fewer than ${roundLimits.rowsMin} attempts that succeeded to learn from`
      return refusal('tooFewRows', why)
    }
    this.#how = how
    this.#base = fetched.parameters
    this.#host = new TrainingHost(signer, new NetTrainable(this.#parts.net), own.trained, own.kept)
    const willing = { rows: roundedRows(own.rows), fetchedBytes: fetched.bytes }
    return { kind: 'willing', value: willing }
  }

  async #train(): Promise<RoundReply> {
    const how = this.#how
    if (how === undefined || !this.#goes('invited', 'training')) return outOfTurn
    const { steps, batch, rate, hold, clip } = how
    const asked = { steps, batch, rate, hold, clip, noise: 0, chance: this.#chance }
    const update = await this.#host?.update(this.#base, asked)
    if (!this.#goes('training', 'trained')) return outOfTurn
    if (update === undefined) return refusal('diverged', 'training went nowhere on its rows')
    this.#update = update
    return { kind: 'done', value: {} }
  }

  #begin({ round, participants, sketch }: Beginning): RoundReply {
    if (this.#how === undefined || this.#update.length === 0) return outOfTurn
    if (!this.#goes('trained', 'masking')) return outOfTurn
    const peers = participants as PeerId[]
    const { clip } = this.#how
    const parameters = this.#update.length
    const terms: Terms = { round, participants: peers, parameters, clip, sketch }
    const wrong = wrongTerms(terms, this.#parts)
    if (wrong !== undefined) return wrong
    this.#sum = new OwnSum(this.#parts, terms, this.#chance)
    return this.#sum.keys()
  }

  /** The update on the grid, with its weight, and with noise where that was asked for. */
  #hidden(): Int32Array {
    const { clip, noise } = this.#how as Invitation
    const { terms } = this.#sum as OwnSum
    const update = this.#update.slice()
    // If all others add none, there is enough in the sum all the same.
    const honest = thresholdsOf(terms.participants.length).summedMin
    addNoise(update, ownDeviation(noise, clip, honest), this.#chance)
    // Under noise all count alike: less of an update would be less of its noise.
    const weight = noise > 0 ? 1 : (this.#host?.weight ?? 0)
    const { bits, bound } = gridOf(terms)
    return onGrid(weighed(update, weight), bits, bound)
  }

  #summed(step: SumStep): RoundReply {
    if (this.#sum === undefined || this.#phase !== 'masking') return outOfTurn
    const reply = this.#sum.take(step, () => this.#hidden())
    if (this.#sum.state === 'refused') this.#phase = 'over'
    if (this.#sum.state === 'revealed') this.#phase = 'masked'
    return reply
  }

  async #vote({ candidate, halves }: Ballot): Promise<RoundReply> {
    const host = this.#host
    // Who trained may vote, also where its update came too late.
    const mayVote =
      this.#phase === 'masked' || this.#phase === 'masking' || this.#phase === 'trained'
    if (host === undefined || !mayVote) return outOfTurn
    this.#phase = 'voted'
    const losses = [await host.loss(this.#base)]
    let fetchedBytes = 0
    for (const hash of [candidate, ...halves]) {
      const fetched = await this.#fetched(hash)
      if (!fetched.ok) return refusal('noModel', fetched.why)
      fetchedBytes += fetched.bytes
      losses.push(await host.loss(fetched.parameters))
    }
    // Closed meanwhile.
    if (this.#phase !== 'voted') return outOfTurn
    const [before = 0, after = 0, ...rest] = losses.map(rounded)
    return { kind: 'vote', value: { before, after, fetchedBytes, halves: rest } }
  }

  /** `bytes`: how many of them had to come here. */
  async #fetched(
    hash: string,
  ): Promise<{ ok: true; parameters: Float32Array; bytes: number } | { ok: false; why: string }> {
    const { models } = this.#parts
    const fetched = await models.fetch(hash, [this.leader])
    if (!fetched.ok) return fetched
    const { learned, bytes } = fetched
    if (learned.family !== 'net') return { ok: false, why: 'it is a version of trees' }
    return { ok: true, parameters: learned.parameters, bytes }
  }

  #goes(from: Phase, to: Phase): boolean {
    if (this.#phase !== from) return false
    this.#phase = to
    return true
  }
}

function beyondLimits(how: Invitation): string | undefined {
  const { stepsMax, batchMax, rateMax, holdMax, clipMax, noiseMax } = roundLimits
  const { steps, batch, rate, hold, clip, noise } = how
  const isWithin = {
    steps: steps >= 1 && steps <= stepsMax,
    batch: batch >= 1 && batch <= batchMax,
    rate: rate > 0 && rate <= rateMax,
    hold: hold >= 0 && hold <= holdMax,
    clip: clip > 0 && clip <= clipMax,
    noise: noise >= 0 && noise <= noiseMax,
  }
  return Object.entries(isWithin).find(([, holds]) => !holds)?.[0]
}
