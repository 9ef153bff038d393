/**
 * One round of trees at this host, from the invitation on: it counts its own rows as trees grow, each
 * count under masks, and says how far the forest is off with what came of it and without, on rows that
 * it did not count. All that whoever leads says is looked at as if a liar had said it: what a bag asks
 * (`models/federation/trees/interview.ts`), of whom each sum is, and what there is to vote on.
 */
import { CountingHost, drawingBy } from '../../../models/federation/trees/counting.ts'
import { describedCuts as cuts, describedStart } from '../../../models/federation/trees/cuts.ts'
import { Interview } from '../../../models/federation/trees/interview.ts'
import { treesLimits } from '../../../models/federation/trees/limits.ts'
import { packed } from '../../../models/federation/trees/packing.ts'
import { type Asked, countsIn } from '../../../models/federation/trees/questions.ts'
import type { GrownTree } from '../../../models/federation/trees/structure.ts'
import { forestMade, packedForest, wrongTrees } from '../../../models/registry/forest-blob.ts'
import { hashOf } from '../../../models/registry/sound.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import { DiskError } from '../../../protocol/ports/disk.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import type { OwnRow } from '../lesson.ts'
import type { ModelStore } from '../models.ts'
import { roundLimits } from './limits.ts'
import { type ExampleParts, ownExamples } from './own-examples.ts'
import { OwnSum, type OwnSumParts, type SumStep, wrongTerms } from './own-sum.ts'
import { rounded, roundedRows } from './rounding.ts'
import { askedIn, treeIn } from './trees-wire.ts'
import {
  type Counting,
  outOfTurn,
  type RoundReply,
  type RoundStep,
  refusal,
  type TreesVoteWish,
} from './wire.ts'

export interface OwnTreesParts extends OwnSumParts, Pick<ExampleParts, 'clock'> {
  readonly models: Pick<ModelStore, 'fetch' | 'has' | 'put'>
  /** Of this host's own history. */
  rows(): AsyncIterable<OwnRow>
  /** What this host is called. */
  readonly host: string
}

type Phase = 'new' | 'invited' | 'counting' | 'voted' | 'over'

export class OwnTrees {
  readonly leader: PeerId
  readonly term: number
  readonly number: number
  readonly #parts: OwnTreesParts
  readonly #chance: Entropy
  #phase: Phase = 'new'
  #base: readonly GrownTree[] = []
  #host: CountingHost | undefined
  /** Of the bag that is grown now: what was asked in it, and of which hosts all its sums are. */
  #attempt = 0
  #interview = new Interview(cuts)
  #together: readonly string[] | undefined
  #sum: OwnSum | undefined
  #asked: Asked | undefined

  /** `chance`: never the same again. */
  constructor(
    of: { leader: PeerId; term: number; number: number },
    parts: OwnTreesParts,
    chance: Entropy,
  ) {
    this.leader = of.leader
    this.term = of.term
    this.number = of.number
    this.#parts = parts
    this.#chance = chance
  }

  /** Never rejects for what others have said. */
  async take(step: RoundStep): Promise<RoundReply> {
    switch (step.kind) {
      case 'inviteTrees':
        return this.#invited(step.value.base)
      case 'count':
        return this.#count(step.value)
      case 'deal':
      case 'mask':
      case 'reveal':
        return this.#summed(step)
      case 'voteTrees':
        return this.#vote(step.value)
      case 'over':
        await this.close()
        return { kind: 'done', value: {} }
      default:
        return outOfTurn
    }
  }

  /** What is held for it is let go; nothing is said in it any more. */
  async close(): Promise<void> {
    this.#phase = 'over'
    this.#sum = undefined
    this.#asked = undefined
    this.#host = undefined
    this.#base = []
  }

  async #invited(base: string): Promise<RoundReply> {
    if (this.#phase !== 'new') return outOfTurn
    this.#phase = 'invited'
    const found = await this.#found(base)
    if (!found.ok) return refusal('noModel', found.why)
    const { clock, host } = this.#parts
    const rowsMax = roundLimits.treeRowsMax
    const own = await ownExamples({ clock, host, rowsMax, rows: () => this.#parts.rows() })
    if (this.#phase !== 'invited') return outOfTurn
    if (own === undefined) {
      const why = `it has fewer than ${roundLimits.rowsMin} attempts that succeeded to learn from`
      return refusal('tooFewRows', why)
    }
    const drawing = drawingBy(this.#lots(), treesLimits.rowsMax)
    const start = describedStart
    // Of a bag that is begun anew also what is held back is other rows.
    const counting = { cuts, start, drawing, drawingHeld: drawing, rowsMax: treesLimits.rowsMax }
    const counted = new CountingHost(own.trained, own.kept, counting)
    await this.#follow(counted, found.trees)
    if (this.#phase !== 'invited') return outOfTurn
    this.#host = counted
    this.#base = found.trees
    this.#phase = 'counting'
    return { kind: 'willing', value: { rows: roundedRows(own.rows), fetchedBytes: 0 } }
  }

  async #found(
    base: string,
  ): Promise<{ ok: true; trees: readonly GrownTree[] } | { ok: false; why: string }> {
    if (base === emptyForest) return { ok: true, trees: [] }
    const { models } = this.#parts
    const isHere = models.has(base)
    const fetching = models.fetch(base, [this.leader])
    // It may be larger than what a round says: it is come by beside the round, for the next one.
    if (!isHere)
      return { ok: false, why: 'it lacks that version, and fetches it for the next round' }
    const fetched = await fetching
    if (!fetched.ok) return fetched
    const { learned } = fetched
    if (learned.family === 'trees') return { ok: true, trees: learned.trees }
    return { ok: false, why: 'it is no version of trees' }
  }

  /** In slices, between which whatever else waits has its turn. */
  async #follow(counted: CountingHost, trees: readonly GrownTree[]): Promise<void> {
    const { treesAtOnce } = roundLimits
    for (let from = 0; from < trees.length; from += treesAtOnce) {
      counted.take(trees.slice(from, from + treesAtOnce))
      await new Promise<void>((resolve) => this.#parts.clock.after(0, resolve))
    }
  }

  /** Which rows are drawn for a tree nobody else knows, and for one that is begun anew they are others. */
  #lots(): Entropy {
    return this.#chance.stream(Buffer.from(this.#chance.bytes(16)).toString('hex'))
  }

  #count({ begin, asked: told }: Counting): RoundReply {
    if (this.#phase !== 'counting') return outOfTurn
    const asked = askedIn(told)
    if (asked === undefined) return refusal('beyondLimits', 'it asks what there is no answer to')
    if (!this.#isMeant(told.attempt)) return outOfTurn
    const participants = begin.participants as PeerId[]
    const isOfAll = this.#together === undefined || isSame(this.#together, participants)
    if (!isOfAll) return refusal('strangers', 'sums of one bag are of the same hosts')
    const wrong = this.#interview.wrongIn(asked)
    if (wrong !== undefined) return refusal('beyondLimits', `nobody counts that: ${wrong}`)
    const parameters = packed(new Int32Array(countsIn(asked, cuts))).length - 1
    // Counts are whole as they are and have no length; what they may be is seen of the sum.
    const terms = { round: begin.round, participants, parameters, clip: 1, sketch: 0 }
    const refused = wrongTerms(terms, this.#parts)
    if (refused !== undefined) return refused
    this.#asked = asked
    this.#sum = new OwnSum(this.#parts, terms, this.#chance)
    return this.#sum.keys()
  }

  /** The bag that is grown, or one that is begun anew for those that are left; and nothing in between. */
  #isMeant(attempt: number): boolean {
    const isAnew = attempt === this.#attempt + 1 && attempt < roundLimits.bagsMax
    if (isAnew) {
      this.#attempt = attempt
      this.#interview = new Interview(cuts)
      this.#together = undefined
      this.#sum = undefined
    }
    const isFree = this.#sum === undefined || this.#sum.state === 'revealed'
    return attempt === this.#attempt && isFree
  }

  #summed(step: SumStep): RoundReply {
    const [sum, asked, host] = [this.#sum, this.#asked, this.#host]
    if (sum === undefined || asked === undefined || host === undefined) return outOfTurn
    if (this.#phase !== 'counting') return outOfTurn
    // With and without one host, the same rows would tell what that one has counted.
    if (step.kind === 'reveal' && this.#together !== undefined) {
      if (!isSame(this.#together, step.value.peers)) {
        return refusal('strangers', 'sums of one bag are of the same hosts')
      }
    }
    const reply = sum.take(step, () => packed(host.counts(asked)))
    if (reply.kind === 'reveal' && step.kind === 'reveal') this.#together ??= [...step.value.peers]
    return reply
  }

  async #vote({ candidates }: TreesVoteWish): Promise<RoundReply> {
    const host = this.#host
    if (host === undefined || this.#phase !== 'counting' || candidates.length === 0) {
      return outOfTurn
    }
    this.#phase = 'voted'
    const before = rounded(host.loss([]))
    const losses: number[] = []
    for (const { hash, trees: told } of candidates) {
      const trees = told.map(treeIn)
      const why = await this.#kept(hash, [...this.#base, ...trees])
      if (why !== undefined) return refusal('noModel', why)
      losses.push(host.loss(trees))
    }
    // Closed meanwhile.
    if (this.#phase !== 'voted') return outOfTurn
    const [after = 0, ...halves] = losses.map(rounded)
    return { kind: 'vote', value: { before, after, halves } }
  }

  /** Made here, and not fetched: what it votes on is what the version says. Else why it does not. */
  async #kept(hash: string, forest: readonly GrownTree[]): Promise<string | undefined> {
    const wrong = wrongTrees(forest)
    if (wrong !== undefined) return wrong
    const { version, learned } = forestMade(forest)
    if (hashOf(version) !== hash) return 'the version is not of the trees that it was told of'
    try {
      await this.#parts.models.put(version, learned)
    } catch (error) {
      // Then others have it: a vote needs no disk.
      if (!(error instanceof DiskError)) throw error
    }
    return undefined
  }
}

/** All hosts can make it. */
const emptyForest = hashOf(packedForest([]))

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((id, i) => id === others[i])
}
