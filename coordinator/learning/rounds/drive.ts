/**
 * One round, as whoever leads does it: hosts are invited, train, give what that changed under masks,
 * and vote on what came of the sum. The leader waits for nobody longer than each step may take; whoever
 * is silent by then is left behind, and the round goes on while enough are left.
 */
import { createHash } from 'node:crypto'
import {
  type Invitation,
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
  roundRefusals,
} from '../../../agent/learning/round/wire.ts'
import { added, clipped } from '../../../models/federation/aggregation/vectors.ts'
import { federationLimits } from '../../../models/federation/limits.ts'
import {
  type Closed,
  MaskingServer,
  type Verdict,
} from '../../../models/federation/masking/server.ts'
import { gridOf, type Terms } from '../../../models/federation/masking/terms.ts'
import { usualCourse } from '../../../models/federation/rounds/course.ts'
import { Judging } from '../../../models/federation/rounds/judging.ts'
import { meanIn } from '../../../models/federation/rounds/weighing.ts'
import type { PeerId, Verify } from '../../../protocol/identity/peer-id.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import { decided } from './decision.ts'
import { roundsLimits } from './limits.ts'
import { RollCall } from './roll-call.ts'
import type { Out, RoundPhase } from './rows.ts'
import { liarsBorne, type RoundSettings } from './settings.ts'

export interface Plan {
  readonly term: number
  readonly number: number
  readonly base: { readonly hash: string; readonly parameters: Float32Array }
  readonly settings: RoundSettings
  readonly rate: number
  readonly clip: number
  /** How much of the step is made. */
  readonly stride: number
  /** By lot where there are more than may take part. */
  readonly hosts: readonly PeerId[]
}

export interface DriveParts {
  readonly verify: Verify
  /** Chance that nobody can know before. */
  bytes(length: number): Uint8Array
  /** To one host, this one included. Says why there is no answer. */
  ask(
    host: PeerId,
    body: Uint8Array,
    deadlineMs: number,
  ): Promise<{ ok: true; body: Uint8Array } | { ok: false; why: string }>
  /** Where hosts can have it from. Says why it cannot be kept, or is no model. */
  offer(parameters: Float32Array): Promise<{ ok: true; hash: string } | { ok: false; why: string }>
  /** Told of each phase before it begins; false: this agent leads no more. */
  enter(phase: RoundPhase, roll: RollCall): Promise<boolean>
}

export interface RoundEnd {
  readonly state: 'kept' | 'rejected' | 'failed'
  readonly why: string
  /** With what there is to say of each host. */
  readonly roll: RollCall
  readonly liars: number
  /** Whether a sum was opened: that is what noise is for. */
  readonly summed: boolean
  readonly candidate?: string
  readonly usualLength?: number
  readonly lossBefore?: number
  readonly lossAfter?: number
}

type Replied<K extends RoundReply['kind']> = Extract<RoundReply, { kind: K }>['value']
type Opened = { update: Float32Array; usualLength: number }
type Step<T> = ({ ok: true } & T) | { ok: false; why: string }

const roundIdAbout = 'skein federated round v1\n'

export class RoundDrive {
  readonly #plan: Plan
  readonly #parts: DriveParts
  readonly #roll: RollCall
  #liars = 0

  constructor(plan: Plan, parts: DriveParts) {
    this.#plan = plan
    this.#parts = parts
    this.#roll = new RollCall(plan.hosts)
  }

  /** Undefined where this agent came to lead no more: what is left of it is for the next leader. */
  async run(): Promise<RoundEnd | undefined> {
    try {
      return await this.#run()
    } finally {
      for (const host of this.#plan.hosts) void this.#ask(host, over, roundsLimits.stepMs)
    }
  }

  async #run(): Promise<RoundEnd | undefined> {
    if (!(await this.#parts.enter('inviting', this.#roll))) return undefined
    await this.#invite()
    const willing = this.#tooFew('have enough to learn from')
    if (willing !== undefined) return this.#failed(willing)
    if (!(await this.#parts.enter('training', this.#roll))) return undefined
    await this.#each('train', 'done', roundsLimits.trainMs, () => train)
    const trained = this.#tooFew('have trained')
    if (trained !== undefined) return this.#failed(trained)
    this.#liars = liarsBorne(this.#plan.settings.liars, this.#roll.present.length)
    if (!(await this.#parts.enter('masking', this.#roll))) return undefined
    const summed = await this.#sum()
    if (!summed.ok) return this.#failed(summed.why)
    return this.#judge(summed)
  }

  // ── Before ────────────────────────────────────────────────────────────────────────────────────

  async #invite(): Promise<void> {
    const { base, settings, rate, clip } = this.#plan
    const { steps, hold, noise } = settings
    const { batch } = usualCourse
    const how: Invitation = { base: base.hash, steps, batch, rate, hold, clip, noise }
    const invite = { kind: 'invite', value: how } as const
    await this.#each(
      'invite',
      'willing',
      roundsLimits.inviteMs,
      () => invite,
      (host, { rows, fetchedBytes }) => {
        this.#roll.has(host, rows)
        this.#roll.said(host, { up: 0, down: fetchedBytes })
        return 'taken'
      },
    )
  }

  #tooFew(who: string): string | undefined {
    const { present } = this.#roll
    const needed = Math.max(federationLimits.clientsMin, this.#plan.settings.participantsMin)
    if (present.length >= needed) return undefined
    return `${present.length} of ${this.#plan.hosts.length} hosts ${who}; ${needed} are needed`
  }

  // ── Under masks ───────────────────────────────────────────────────────────────────────────────

  async #sum(): Promise<Step<Opened>> {
    const { settings, clip, base } = this.#plan
    const { sketch } = usualCourse
    const participants = this.#roll.present
    const parameters = base.parameters.length
    const terms: Terms = { round: this.#roundId(), participants, parameters, clip, sketch }
    const server = new MaskingServer(terms, this.#parts.verify)
    const list = await this.#keys(server, terms)
    if (!list.ok) return tooFewLeft(list)
    await this.#masked('deal', 'dealing', list.message, (host, said) =>
      server.takeDealing(host, said),
    )
    const hands = server.closeDealing()
    if (!hands.ok) return tooFewLeft(hands)
    await this.#each(
      'mask',
      'masked',
      roundsLimits.stepMs,
      (host) => ({ kind: 'mask', value: hands.message.get(host) ?? { shares: [] } }),
      (host, said) => server.takeMasked(host, said),
    )
    const roll = server.closeMasked()
    if (!roll.ok) return tooFewLeft(roll)
    const { bits } = gridOf(terms)
    await this.#masked('sketch', 'sketch', roll.message, (host, said) =>
      isWeight(said.sums.at(-1), bits) ? server.takeSketch(host, said) : 'malformed',
    )
    const judging = new Judging({ rule: settings.rule, liarsMax: this.#liars, sketch }, bits)
    const selection = server.select(judging.select(server.candidates()))
    if (!selection.ok) return tooFewLeft(selection)
    await this.#masked('reveal', 'reveal', selection.message, (host, said) =>
      server.takeReveal(host, said),
    )
    return this.#opened(server, judging, bits)
  }

  async #keys(server: MaskingServer, { round, participants, sketch }: Terms) {
    const value = { round, participants: [...participants], sketch }
    const begin: RoundStep = { kind: 'begin', value }
    const { stepMs } = roundsLimits
    await this.#each(
      'begin',
      'keys',
      stepMs,
      () => begin,
      (host, said) => server.takeKeys(host, said),
    )
    return server.closeKeys()
  }

  #opened(server: MaskingServer, judging: Judging, bits: number): Step<Opened> {
    for (const { host, why } of judging.leftOut) {
      this.#roll.leaveOut(host, 'notCounted', leftOutWhys[why])
    }
    const opening = server.open()
    if (!opening.ok) {
      const liars = 'liars' in opening ? opening.liars : []
      for (const host of liars) this.#roll.leaveOut(host, 'refused', 'it has lied under masks')
      return { ok: false, why: openingWhys[opening.why] }
    }
    for (const host of opening.liars) {
      this.#roll.leaveOut(host, 'refused', 'it has lied under masks')
    }
    this.#roll.count(opening.summed)
    const update = meanIn(opening.sum, bits)
    return { ok: true, update, usualLength: judging.usualLength }
  }

  #roundId(): Uint8Array {
    const { term, number, base } = this.#plan
    const hash = createHash('sha256').update(`${roundIdAbout}${base.hash} ${number} ${term}\n`)
    return new Uint8Array(hash.update(this.#parts.bytes(32)).digest())
  }

  /** The same for all. */
  async #masked<K extends 'deal' | 'sketch' | 'reveal', R extends 'dealing' | 'sketch' | 'reveal'>(
    step: K,
    reply: R,
    value: Extract<RoundStep, { kind: K }>['value'],
    take: (host: PeerId, said: Replied<R>) => Verdict,
  ): Promise<void> {
    const asked = { kind: step, value } as RoundStep
    await this.#each(step, reply, roundsLimits.stepMs, () => asked, take)
  }

  // ── After ─────────────────────────────────────────────────────────────────────────────────────

  async #judge({ update, usualLength }: Opened): Promise<RoundEnd | undefined> {
    const { base, clip, settings, stride } = this.#plan
    const stepped = added(base.parameters, clipped(update, clip), stride)
    const offered = await this.#parts.offer(stepped)
    const summed = { summed: true, usualLength } as const
    if (!offered.ok) return { ...this.#failed(offered.why), ...summed }
    if (!(await this.#parts.enter('voting', this.#roll))) return undefined
    const vote = { kind: 'vote', value: { candidate: offered.hash } } as const
    await this.#each(
      'vote',
      'vote',
      roundsLimits.voteMs,
      () => vote,
      (host, { before, after, fetchedBytes = 0 }) => {
        this.#roll.said(host, { up: 0, down: fetchedBytes })
        if (!isLoss(before) || !isLoss(after)) return 'malformed'
        this.#roll.voted(host, before, after)
        return 'taken'
      },
      this.#roll.voters,
    )
    const [before, after] = [this.#roll.losses('before'), this.#roll.losses('after')]
    // Whoever has died is none who lies as well.
    const liars = liarsBorne(settings.liars, after.size)
    const { hash: candidate } = offered
    return { ...decided(before, after, liars), ...summed, candidate, roll: this.#roll, liars }
  }

  #failed(why: string): RoundEnd {
    return { state: 'failed', why, roll: this.#roll, liars: this.#liars, summed: false }
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────

  /** Whoever does not answer, or with what is not taken, is left out from then on. */
  async #each<R extends RoundReply['kind']>(
    step: RoundStep['kind'],
    wanted: R,
    deadlineMs: number,
    stepOf: (host: PeerId) => RoundStep,
    take: (host: PeerId, said: Replied<R>) => Verdict = () => 'taken',
    hosts: readonly PeerId[] = this.#roll.present,
  ): Promise<void> {
    await Promise.all(
      hosts.map(async (host) => {
        const asked = await this.#ask(host, stepOf(host), deadlineMs)
        if (!asked.ok) return this.#roll.leaveOut(host, asked.out, `${inWords[step]}: ${asked.why}`)
        const { reply } = asked
        if (reply.kind === 'refused') return this.#refused(host, step, reply.value)
        const verdict = reply.kind === wanted ? take(host, reply.value as Replied<R>) : 'malformed'
        if (verdict === 'taken') return
        this.#roll.leaveOut(
          host,
          'refused',
          `what it said ${inWords[step]} is not taken: ${verdict}`,
        )
      }),
    )
  }

  #refused(host: PeerId, step: RoundStep['kind'], { code, why }: Replied<'refused'>): void {
    const isExcused = roundRefusals[code] === 'tooFewRows'
    const said = isExcused ? why : `${inWords[step]}: ${why}`
    this.#roll.leaveOut(host, isExcused ? 'excused' : 'refused', said)
  }

  async #ask(
    host: PeerId,
    step: RoundStep,
    deadlineMs: number,
  ): Promise<{ ok: true; reply: RoundReply } | { ok: false; out: Out; why: string }> {
    const { term, number } = this.#plan
    const body = encode(RoundQuestion, { term, number, step })
    const asked = await this.#parts.ask(host, body, deadlineMs)
    this.#roll.said(host, { up: asked.ok ? asked.body.length : 0, down: body.length })
    if (!asked.ok) return { ...asked, out: 'silent' }
    const answer = decode(RoundAnswer, asked.body)
    if (!answer.ok) return { ok: false, out: 'refused', why: 'it answered with nonsense' }
    return { ok: true, reply: answer.value.reply }
  }
}

const train: RoundStep = { kind: 'train', value: {} }
const over: RoundStep = { kind: 'over', value: {} }

const inWords: Readonly<Record<RoundStep['kind'], string>> = {
  invite: 'when it was invited',
  train: 'when it was to train',
  begin: 'when keys were made',
  deal: 'when shares were dealt',
  mask: 'when it was to send its update',
  sketch: 'when updates were compared',
  reveal: 'when the sum was opened',
  vote: 'when it was to vote',
  over: 'at the end',
}

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

/** Of a model that is never off nothing could be better. */
function isLoss(value: number): boolean {
  return Number.isFinite(value) && value > 0
}
