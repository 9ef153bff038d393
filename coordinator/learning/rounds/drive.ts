/**
 * One round, as whoever leads does it: hosts are invited, give what they have to say under masks, and
 * vote on what came of the sum; what that is, is for the family of the model (`course.ts`). Where they
 * are enough it is two sums, of halves that are drawn by lot. The leader waits for nobody longer than
 * each step may take; whoever is silent by then is left behind, and the round goes on while enough are
 * left.
 */
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { RoundStep } from '../../../agent/learning/round/wire.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { halved } from '../../../models/federation/rounds/halves.ts'
import { heardOf } from '../../../models/federation/rounds/voices.ts'
import { registryLimits } from '../../../models/registry/limits.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { Asking, type AskingParts } from './asking.ts'
import { type Candidate, type Game, gameOf } from './candidates.ts'
import type { Course, Kept, Made, Summed } from './course.ts'
import { decided } from './decision.ts'
import { roundsLimits } from './limits.ts'
import type { SumParts } from './masked-sum.ts'
import { NetCourse } from './net-course.ts'
import { type Barred, RollCall } from './roll-call.ts'
import type { RoundPhase } from './rows.ts'
import { liarsBorne, type RoundSettings } from './settings.ts'
import { TreesCourse } from './trees-course.ts'

/** A version, by its hash, and what it has learned. */
export interface Base {
  readonly hash: string
  readonly learned: Made
}

export interface Plan {
  readonly term: number
  readonly number: number
  readonly base: Base
  readonly settings: RoundSettings
  readonly rate: number
  readonly clip: number
  /** How much of the step is made. */
  readonly stride: number
  /** By lot where there are more than may take part. */
  readonly hosts: readonly PeerId[]
  /** Not asked. */
  readonly barred: readonly Barred[]
  /** Hosts that most rounds are done without, as this one begins. */
  readonly suspects: readonly string[]
  /** Hosts whose words go against those of most, the worst first. */
  readonly against: readonly string[]
  /** Of trees: what is said of all is brought to where rows are, before a tree is cut. */
  readonly isFirstBag: boolean
}

export interface DriveParts extends AskingParts {
  readonly verify: Verify
  /** Whatever else waits has its turn. */
  pause(): Promise<void>
  /** That nobody can know before. */
  readonly chance: Entropy
  offer(made: Made): Promise<Kept>
  /** Told of each phase before it begins; false: this agent leads no more. */
  enter(phase: RoundPhase, roll: RollCall): Promise<boolean>
}

/** What a course works with. */
export interface CourseParts extends SumParts, Pick<DriveParts, 'chance' | 'offer'> {}

export interface RoundEnd {
  readonly state: 'kept' | 'rejected' | 'failed'
  readonly why: string
  /** With what there is to say of each host. */
  readonly roll: RollCall
  readonly liars: number
  readonly candidate?: string
  readonly usualLength?: number
  /** Of a round in two halves. */
  readonly game?: Game
  readonly lossBefore?: number
  readonly lossAfter?: number
}

const train: RoundStep = { kind: 'train', value: {} }

export class RoundDrive {
  readonly #plan: Plan
  readonly #parts: DriveParts
  readonly #roll: RollCall
  readonly #asking: Asking
  readonly #course: Course
  #liars = 0

  constructor(plan: Plan, parts: DriveParts) {
    const { term, number, hosts, barred } = plan
    this.#plan = plan
    this.#parts = parts
    this.#roll = new RollCall(hosts, barred)
    this.#asking = new Asking({ term, number }, this.#roll, parts)
    const own = { ...parts, asking: this.#asking, roll: this.#roll }
    const { learned } = plan.base
    this.#course =
      learned.family === 'trees'
        ? new TreesCourse(plan, learned.trees, own)
        : new NetCourse(plan, learned.parameters, own)
  }

  /**
   * Undefined where this agent came to lead no more: what is left of it is for the next leader. `over`:
   * it is broken off, whatever hosts are at; what they still say is not heard.
   */
  async run(over: AbortSignal): Promise<RoundEnd | undefined> {
    const broken = Promise.withResolvers<RoundEnd>()
    const breakOff = () => broken.resolve(this.#failed('it was broken off'))
    over.addEventListener('abort', breakOff, { once: true })
    try {
      return await Promise.race([this.#run(), broken.promise])
    } finally {
      over.removeEventListener('abort', breakOff)
      this.#asking.end(this.#plan.hosts)
    }
  }

  async #run(): Promise<RoundEnd | undefined> {
    if (!(await this.#parts.enter('inviting', this.#roll))) return undefined
    await this.#invite()
    const willing = this.#tooFew('have enough to learn from')
    if (willing !== undefined) return this.#failed(willing)
    if (this.#course.trains) {
      if (!(await this.#parts.enter('training', this.#roll))) return undefined
      await this.#train()
      const trained = this.#tooFew('have trained')
      if (trained !== undefined) return this.#failed(trained)
    }
    this.#liars = liarsBorne(this.#plan.settings.liars, this.#roll.present.length)
    if (!(await this.#parts.enter('masking', this.#roll))) return undefined
    const { groups, summed } = await this.#course.summed(
      halved(this.#roll.present, this.#parts.chance),
    )
    for (const sum of summed) if (sum.ok) this.#roll.count(sum.summed)
    if (groups.length > 1) {
      for (const [i, group] of groups.entries()) this.#noteHalf(group, summed[i], i + 1)
    }
    return this.#judge(summed)
  }

  /** Of a half of which nothing came, all those who are in it can be meant. */
  #noteHalf(group: readonly PeerId[], sum: Summed | undefined, half: number): void {
    if (sum === undefined) return
    if (sum.ok) return this.#roll.inHalf(sum.summed, half)
    // Also whose updates the rule has left out: of these it may be.
    const there = new Set(this.#roll.voters)
    const left = group.filter((host) => there.has(host))
    if (sum.isSpoiled === true) this.#roll.inHalf(left, half)
    for (const host of left) this.#roll.leaveOut(host, 'notCounted', `of its half: ${sum.why}`)
  }

  async #invite(): Promise<void> {
    const { invitation } = this.#course
    await this.#asking.each({
      wanted: 'willing',
      deadlineMs: roundsLimits.inviteMs,
      hosts: this.#roll.present,
      stepOf: () => invitation,
      take: (host, { rows, fetchedBytes }) => {
        if (rows > roundLimits.rowsMax || !isFetched(fetchedBytes)) return 'malformed'
        this.#roll.has(host, rows)
        this.#roll.said(host, { up: 0, down: fetchedBytes })
        return 'taken'
      },
    })
  }

  async #train(): Promise<void> {
    await this.#asking.each({
      wanted: 'done',
      deadlineMs: roundsLimits.trainMs,
      hosts: this.#roll.present,
      stepOf: () => train,
      take: () => 'taken',
    })
  }

  #tooFew(who: string): string | undefined {
    const { present } = this.#roll
    const needed = Math.max(federationLimits.clientsMin, this.#plan.settings.participantsMin)
    if (present.length >= needed) return undefined
    return `${present.length} of ${this.#plan.hosts.length} hosts ${who}; ${needed} are needed`
  }

  async #judge(summed: readonly Summed[]): Promise<RoundEnd | undefined> {
    const { settings } = this.#plan
    const offered = await this.#course.candidates()
    if (!offered.ok) {
      const { state, why } = offered
      return { ...this.#failed(why), state, ...gameOf(summed) }
    }
    const { candidates } = offered
    const usualLength =
      offered.usualLength === undefined ? {} : { usualLength: offered.usualLength }
    if (!(await this.#parts.enter('voting', this.#roll))) return undefined
    const before = await this.#vote(candidates)
    // Whoever has died is none who lies as well.
    const liars = liarsBorne(settings.liars, before.size)
    const heard = heardOf(before, this.#plan.against, liars)
    const { candidate: chosen, why } = this.#course.chosen(candidates, heard.losses, heard.liarsMax)
    if (chosen.half !== undefined) this.#roll.countsOnly(chosen.half)
    const voices = this.#roll.voices - (before.size - heard.losses.size)
    const after = new Map([...chosen.losses].filter(([host]) => heard.losses.has(host)))
    const byVotes = decided(heard.losses, after, { liars: heard.liarsMax, voices })
    const isRefused = byVotes.state === 'kept' && why !== undefined
    const decision = isRefused ? { ...byVotes, state: 'rejected' as const, why } : byVotes
    for (const [host, loss] of before) {
      this.#roll.voted(host, loss, chosen.losses.get(host) ?? loss)
    }
    for (const host of before.keys()) if (!heard.losses.has(host)) this.#roll.isUnheard(host)
    const { hash: candidate } = chosen
    const game = gameOf(summed, candidates, { before: heard.losses, liars: heard.liarsMax })
    return { ...decision, ...game, ...usualLength, candidate, roll: this.#roll, liars }
  }

  /** How far each host is off with what the round began with; and with each candidate, noted there. */
  async #vote(candidates: readonly Candidate[]): Promise<Map<PeerId, number>> {
    const votes = new Map<PeerId, number>()
    const ballot = this.#course.ballot(candidates)
    await this.#asking.each({
      wanted: 'vote',
      deadlineMs: roundsLimits.voteMs,
      hosts: this.#roll.voters,
      stepOf: () => ballot,
      take: (host, { before, after, halves, fetchedBytes = 0 }) => {
        const all = [after, ...halves]
        // A host of an older program says nothing of halves.
        const isOfAll = all.length === candidates.length || halves.length === 0
        const isWhole = isOfAll && [before, ...all].every(isLoss)
        if (!isWhole || !isFetched(fetchedBytes, candidates.length)) return 'malformed'
        this.#roll.said(host, { up: 0, down: fetchedBytes })
        votes.set(host, before)
        for (const [i, loss] of all.entries()) candidates[i]?.losses.set(host, loss)
        return 'taken'
      },
    })
    return votes
  }

  #failed(why: string): RoundEnd {
    return { state: 'failed', why, roll: this.#roll, liars: this.#liars }
  }
}

/** Of a model that is never off nothing could be better. */
function isLoss(value: number): boolean {
  return Number.isFinite(value) && value > 0
}

/** No more than so many versions are to be fetched at a time. What is said is added up, and written. */
function isFetched(bytes: number, versions = 1): boolean {
  return bytes <= versions * registryLimits.blobBytesMax
}
