/**
 * What hosts are asked in one round, and who is left out for what they answer. They are asked in turns,
 * with a rest after each: what a round takes of hosts that share cores comes as a trickle then, where all
 * at once kept work waiting on all of them. Nobody holds others up for long: whoever does not answer soon
 * is waited for beside the next.
 */
import {
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
  roundRefusals,
  type StepKind,
} from '../../../agent/learning/round/wire.ts'
import type { Verdict } from '../../../models/federation/masking/server.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Clock } from '../../../protocol/ports/clock.ts'
import { Turns } from '../../../protocol/turns.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import { roundsLimits } from './limits.ts'
import type { RollCall } from './roll-call.ts'
import type { Out } from './rows.ts'

/** To one host, this one included. Says why there is no answer. */
export type Ask = (
  host: PeerId,
  body: Uint8Array,
  deadlineMs: number,
) => Promise<{ ok: true; body: Uint8Array } | { ok: false; why: string }>

export type Replied<K extends RoundReply['kind']> = Extract<RoundReply, { kind: K }>['value']

export interface Asked<R extends RoundReply['kind']> {
  readonly wanted: R
  readonly deadlineMs: number
  readonly hosts: readonly PeerId[]
  stepOf(host: PeerId): RoundStep
  /** Whether what it has said can be. */
  take(host: PeerId, said: Replied<R>): Verdict
}

export interface AskingParts {
  readonly ask: Ask
  readonly clock: Pick<Clock, 'now' | 'after'>
}

const goodbye: RoundStep = { kind: 'over', value: {} }

export class Asking {
  readonly #of: { readonly term: number; readonly number: number }
  readonly #roll: RollCall
  readonly #parts: AskingParts
  #isOver = false

  constructor(of: { term: number; number: number }, roll: RollCall, parts: AskingParts) {
    this.#of = of
    this.#roll = roll
    this.#parts = parts
  }

  /** Whoever does not answer, or with what is not taken, is left out from then on. */
  async each<R extends RoundReply['kind']>(asked: Asked<R>): Promise<void> {
    const { hosts } = asked
    const turns = new Turns(Math.ceil(hosts.length / roundsLimits.turnsMax))
    await Promise.all(
      hosts.map(async (host) => {
        let answered = Promise.resolve()
        await turns.with(() => {
          answered = this.#askedOne(host, asked)
          return this.#turn(answered)
        })
        await answered
      }),
    )
  }

  /** The round is over, and all are told at once: nobody is asked anything any more. */
  end(hosts: readonly PeerId[]): void {
    this.#isOver = true
    for (const host of hosts) void this.#one(host, goodbye, roundsLimits.stepMs)
  }

  /** Until it is answered and has rested for as long as that took; or until it takes its time. */
  async #turn(answered: Promise<void>): Promise<void> {
    const { clock } = this.#parts
    const { turnMs, restMsMax } = roundsLimits
    const startedMs = clock.now()
    const late = Promise.withResolvers<void>()
    const timer = clock.after(turnMs, late.resolve)
    try {
      await Promise.race([answered, late.promise])
    } finally {
      timer.cancel()
    }
    const restMs = Math.min(restMsMax, clock.now() - startedMs)
    await new Promise<void>((resolve) => clock.after(restMs, resolve))
  }

  async #askedOne<R extends RoundReply['kind']>(host: PeerId, asked: Asked<R>): Promise<void> {
    // Into a round that is over nobody comes any more, and what is said after it is said to nobody.
    if (this.#isOver) return this.#roll.leaveOut(host, 'silent', 'the round was over')
    const { wanted, deadlineMs, stepOf, take } = asked
    const step = stepOf(host)
    const when = inWords[step.kind]
    const said = await this.#one(host, step, deadlineMs)
    if (!said.ok) return this.#roll.leaveOut(host, said.out, `${when}: ${said.why}`)
    const { reply } = said
    if (reply.kind === 'refused') return this.#refused(host, step.kind, reply.value)
    const verdict = reply.kind === wanted ? take(host, reply.value as Replied<R>) : 'malformed'
    if (verdict === 'taken') return
    this.#roll.leaveOut(host, 'refused', `what it said ${when} is not taken: ${verdict}`)
  }

  async #one(
    host: PeerId,
    step: RoundStep,
    deadlineMs: number,
  ): Promise<{ ok: true; reply: RoundReply } | { ok: false; out: Out; why: string }> {
    const body = encode(RoundQuestion, { ...this.#of, step })
    const asked = await this.#parts.ask(host, body, deadlineMs)
    this.#roll.said(host, { up: asked.ok ? asked.body.length : 0, down: body.length })
    if (!asked.ok) return { ...asked, out: 'silent' }
    const answer = decode(RoundAnswer, asked.body)
    if (!answer.ok) return { ok: false, out: 'refused', why: 'it answered with nonsense' }
    return { ok: true, reply: answer.value.reply }
  }

  #refused(host: PeerId, step: StepKind, { code, why }: Replied<'refused'>): void {
    const when = inWords[step]
    const isExcused = roundRefusals[code] === 'tooFewRows'
    // Its ledger may be a moment behind, or it may hold none any more.
    const isInvited = step === 'invite' || step === 'inviteTrees'
    if (isInvited && roundRefusals[code] === 'otherRound') this.#roll.isUnaware(host)
    this.#roll.leaveOut(
      host,
      isExcused ? 'excused' : 'refused',
      isExcused ? why : `${when}: ${why}`,
    )
  }
}

const inWords: Readonly<Record<StepKind, string>> = {
  invite: 'when it was invited',
  train: 'when it was to train',
  begin: 'when keys were made',
  deal: 'when shares were dealt',
  mask: 'when it was to send its update',
  sketch: 'when updates were compared',
  reveal: 'when the sum was opened',
  vote: 'when it was to vote',
  over: 'at the end',
  inviteTrees: 'when it was invited',
  count: 'when it was to count',
  voteTrees: 'when it was to vote',
}
