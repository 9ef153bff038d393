/**
 * One round, as whoever leads does it: hosts are invited, train, give what that changed under masks,
 * and vote on what came of the sum. Where they are enough it is two sums, of halves that are drawn by
 * lot (`candidates.ts`). The leader waits for nobody longer than each step may take; whoever is silent
 * by then is left behind, and the round goes on while enough are left.
 */
import { createHash } from 'node:crypto'
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { Invitation, RoundStep } from '../../../agent/learning/round/wire.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { usualCourse } from '../../../models/federation/rounds/course.ts'
import { halved } from '../../../models/federation/rounds/halves.ts'
import { registryLimits } from '../../../models/registry/limits.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { type Ask, Asking } from './asking.ts'
import { type Candidate, candidatesOf, chosenOf, type Game, gameOf } from './candidates.ts'
import { decided } from './decision.ts'
import { roundsLimits } from './limits.ts'
import { MaskedSum, type Summed } from './masked-sum.ts'
import { type Barred, RollCall } from './roll-call.ts'
import type { RoundPhase } from './rows.ts'
import { liarsBorne, type RoundSettings } from './settings.ts'

/** A version, by its hash, and what it has learned. */
export interface Base {
  readonly hash: string
  readonly parameters: Float32Array
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
}

/** Where hosts can have it from; or why it cannot be kept, or is no model. */
export type Kept = { ok: true; hash: string } | { ok: false; why: string }

export interface DriveParts {
  readonly verify: Verify
  readonly ask: Ask
  /** Whatever else waits has its turn. */
  pause(): Promise<void>
  /** That nobody can know before. */
  readonly chance: Entropy
  offer(parameters: Float32Array): Promise<Kept>
  /** Told of each phase before it begins; false: this agent leads no more. */
  enter(phase: RoundPhase, roll: RollCall): Promise<boolean>
}

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

const roundIdAbout = 'skein federated round v1\n'
const train: RoundStep = { kind: 'train', value: {} }
const goodbye: RoundStep = { kind: 'over', value: {} }

export class RoundDrive {
  readonly #plan: Plan
  readonly #parts: DriveParts
  readonly #roll: RollCall
  readonly #asking: Asking
  #liars = 0

  constructor(plan: Plan, parts: DriveParts) {
    const { term, number, hosts, barred } = plan
    this.#plan = plan
    this.#parts = parts
    this.#roll = new RollCall(hosts, barred)
    this.#asking = new Asking({ term, number }, this.#roll, parts.ask)
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
      for (const host of this.#plan.hosts) void this.#asking.one(host, goodbye, roundsLimits.stepMs)
    }
  }

  async #run(): Promise<RoundEnd | undefined> {
    if (!(await this.#parts.enter('inviting', this.#roll))) return undefined
    await this.#invite()
    const willing = this.#tooFew('have enough to learn from')
    if (willing !== undefined) return this.#failed(willing)
    if (!(await this.#parts.enter('training', this.#roll))) return undefined
    await this.#train()
    const trained = this.#tooFew('have trained')
    if (trained !== undefined) return this.#failed(trained)
    this.#liars = liarsBorne(this.#plan.settings.liars, this.#roll.present.length)
    if (!(await this.#parts.enter('masking', this.#roll))) return undefined
    const groups = halved(this.#roll.present, this.#parts.chance)
    const summed = await Promise.all(groups.map((group) => this.#sum(group)))
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
    const { base, settings, rate, clip } = this.#plan
    const { steps, hold, noise } = settings
    const { batch } = usualCourse
    const how: Invitation = { base: base.hash, steps, batch, rate, hold, clip, noise }
    await this.#asking.each({
      step: 'invite',
      wanted: 'willing',
      deadlineMs: roundsLimits.inviteMs,
      hosts: this.#roll.present,
      stepOf: () => ({ kind: 'invite', value: how }),
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
      step: 'train',
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

  #sum(participants: readonly PeerId[]): Promise<Summed> {
    const { settings, clip, base } = this.#plan
    const { sketch } = usualCourse
    const liarsMax = liarsBorne(settings.liars, participants.length)
    const parameters = base.parameters.length
    const terms = { round: this.#roundId(), participants, parameters, clip, sketch }
    const { verify, pause } = this.#parts
    const parts = { asking: this.#asking, roll: this.#roll, verify, pause }
    const course = { rule: settings.rule, liarsMax, sketch }
    return new MaskedSum(parts, terms, course).run()
  }

  #roundId(): Uint8Array {
    const { term, number, base } = this.#plan
    const hash = createHash('sha256').update(`${roundIdAbout}${base.hash} ${number} ${term}\n`)
    return new Uint8Array(hash.update(this.#parts.chance.bytes(32)).digest())
  }

  async #judge(summed: readonly Summed[]): Promise<RoundEnd | undefined> {
    const { base, clip, settings, stride } = this.#plan
    const offered = await candidatesOf(summed, { base: base.parameters, clip, stride }, (each) =>
      this.#parts.offer(each),
    )
    if (!offered.ok) return { ...this.#failed(offered.why), ...gameOf(summed) }
    const { candidates, usualLength } = offered
    if (!(await this.#parts.enter('voting', this.#roll))) return undefined
    const before = await this.#vote(candidates)
    // Whoever has died is none who lies as well.
    const liars = liarsBorne(settings.liars, before.size)
    const chosen = chosenOf(candidates, before, liars)
    if (chosen.half !== undefined) this.#roll.countsOnly(chosen.half)
    const { voices } = this.#roll
    const decision = decided(before, chosen.losses, { liars, voices })
    for (const [host, loss] of before) {
      this.#roll.voted(host, loss, chosen.losses.get(host) ?? loss)
    }
    const { hash: candidate } = chosen
    const game = gameOf(summed, candidates, liars)
    return { ...decision, ...game, usualLength, candidate, roll: this.#roll, liars }
  }

  /** How far each host is off with what the round began with; and with each candidate, noted there. */
  async #vote(candidates: readonly Candidate[]): Promise<Map<PeerId, number>> {
    const [first, ...others] = candidates
    const votes = new Map<PeerId, number>()
    const ballot = { candidate: first?.hash ?? '', halves: others.map(({ hash }) => hash) }
    await this.#asking.each({
      step: 'vote',
      wanted: 'vote',
      deadlineMs: roundsLimits.voteMs,
      hosts: this.#roll.voters,
      stepOf: () => ({ kind: 'vote', value: ballot }),
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
