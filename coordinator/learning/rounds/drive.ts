/**
 * One round, as whoever leads does it: hosts are invited, train, give what that changed under masks,
 * and vote on what came of the sum. The leader waits for nobody longer than each step may take; whoever
 * is silent by then is left behind, and the round goes on while enough are left.
 */
import { createHash } from 'node:crypto'
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { Invitation, RoundStep } from '../../../agent/learning/round/wire.ts'
import { added, clipped } from '../../../models/federation/aggregation/vectors.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import { usualCourse } from '../../../models/federation/rounds/course.ts'
import { registryLimits } from '../../../models/registry/limits.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import { type Ask, Asking } from './asking.ts'
import { decided } from './decision.ts'
import { roundsLimits } from './limits.ts'
import { MaskedSum, type Summed } from './masked-sum.ts'
import { RollCall } from './roll-call.ts'
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
  /** Not asked: they were found to lie of late. */
  readonly barred: readonly PeerId[]
}

/** Where hosts can have it from; or why it cannot be kept, or is no model. */
export type Kept = { ok: true; hash: string } | { ok: false; why: string }

export interface DriveParts {
  readonly verify: Verify
  readonly ask: Ask
  /** Whatever else waits has its turn. */
  pause(): Promise<void>
  /** Chance that nobody can know before. */
  bytes(length: number): Uint8Array
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
  readonly lossBefore?: number
  readonly lossAfter?: number
}

const roundIdAbout = 'skein federated round v1\n'
const barredWhy = `it was not asked: it has lied under masks in one of the last ${roundsLimits.liarRounds} rounds`
const train: RoundStep = { kind: 'train', value: {} }
const over: RoundStep = { kind: 'over', value: {} }

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
    this.#roll = new RollCall([...hosts, ...barred])
    for (const host of barred) this.#roll.leaveOut(host, 'refused', barredWhy)
    this.#asking = new Asking({ term, number }, this.#roll, parts.ask)
  }

  /** Undefined where this agent came to lead no more: what is left of it is for the next leader. */
  async run(): Promise<RoundEnd | undefined> {
    try {
      return await this.#run()
    } finally {
      for (const host of this.#plan.hosts) void this.#asking.one(host, over, roundsLimits.stepMs)
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
    const summed = await this.#sum()
    return summed.ok ? this.#judge(summed) : this.#failed(summed.why)
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

  #sum(): Promise<Summed> {
    const { settings, clip, base } = this.#plan
    const { sketch } = usualCourse
    const participants = this.#roll.present
    const parameters = base.parameters.length
    const terms = { round: this.#roundId(), participants, parameters, clip, sketch }
    const { verify, pause } = this.#parts
    const parts = { asking: this.#asking, roll: this.#roll, verify, pause }
    const course = { rule: settings.rule, liarsMax: this.#liars, sketch }
    return new MaskedSum(parts, terms, course).run()
  }

  #roundId(): Uint8Array {
    const { term, number, base } = this.#plan
    const hash = createHash('sha256').update(`${roundIdAbout}${base.hash} ${number} ${term}\n`)
    return new Uint8Array(hash.update(this.#parts.bytes(32)).digest())
  }

  async #judge({
    update,
    usualLength,
  }: Extract<Summed, { ok: true }>): Promise<RoundEnd | undefined> {
    const { base, clip, settings, stride } = this.#plan
    const stepped = added(base.parameters, clipped(update, clip), stride)
    const offered = await this.#parts.offer(stepped)
    const measured = { usualLength }
    if (!offered.ok) return { ...this.#failed(offered.why), ...measured }
    if (!(await this.#parts.enter('voting', this.#roll))) return undefined
    const { hash: candidate } = offered
    await this.#vote(candidate)
    const [before, after] = [this.#roll.losses('before'), this.#roll.losses('after')]
    // Whoever has died is none who lies as well.
    const liars = liarsBorne(settings.liars, after.size)
    return { ...decided(before, after, liars), ...measured, candidate, roll: this.#roll, liars }
  }

  async #vote(candidate: string): Promise<void> {
    await this.#asking.each({
      step: 'vote',
      wanted: 'vote',
      deadlineMs: roundsLimits.voteMs,
      hosts: this.#roll.voters,
      stepOf: () => ({ kind: 'vote', value: { candidate } }),
      take: (host, { before, after, fetchedBytes = 0 }) => {
        if (!isLoss(before) || !isLoss(after) || !isFetched(fetchedBytes)) return 'malformed'
        this.#roll.said(host, { up: 0, down: fetchedBytes })
        this.#roll.voted(host, before, after)
        return 'taken'
      },
    })
  }

  #failed(why: string): RoundEnd {
    return { state: 'failed', why, roll: this.#roll, liars: this.#liars }
  }
}

/** Of a model that is never off nothing could be better. */
function isLoss(value: number): boolean {
  return Number.isFinite(value) && value > 0
}

/** One version at most is to be fetched at a time. What is said is added up, and written. */
function isFetched(bytes: number): boolean {
  return bytes <= registryLimits.blobBytesMax
}
