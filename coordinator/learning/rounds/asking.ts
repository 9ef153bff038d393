/** What hosts are asked in one round, all of them at once, and who is left out for what they answer. */
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
import { decode, encode } from '../../../protocol/wire/codec.ts'
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

export class Asking {
  readonly #of: { readonly term: number; readonly number: number }
  readonly #roll: RollCall
  readonly #ask: Ask

  constructor(of: { term: number; number: number }, roll: RollCall, ask: Ask) {
    this.#of = of
    this.#roll = roll
    this.#ask = ask
  }

  /** Whoever does not answer, or with what is not taken, is left out from then on. */
  async each<R extends RoundReply['kind']>(asked: Asked<R>): Promise<void> {
    const { wanted, deadlineMs, hosts, stepOf, take } = asked
    await Promise.all(
      hosts.map(async (host) => {
        const step = stepOf(host)
        const when = inWords[step.kind]
        const said = await this.one(host, step, deadlineMs)
        if (!said.ok) return this.#roll.leaveOut(host, said.out, `${when}: ${said.why}`)
        const { reply } = said
        if (reply.kind === 'refused') return this.#refused(host, step.kind, reply.value)
        const verdict = reply.kind === wanted ? take(host, reply.value as Replied<R>) : 'malformed'
        if (verdict === 'taken') return
        this.#roll.leaveOut(host, 'refused', `what it said ${when} is not taken: ${verdict}`)
      }),
    )
  }

  async one(
    host: PeerId,
    step: RoundStep,
    deadlineMs: number,
  ): Promise<{ ok: true; reply: RoundReply } | { ok: false; out: Out; why: string }> {
    const body = encode(RoundQuestion, { ...this.#of, step })
    const asked = await this.#ask(host, body, deadlineMs)
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
