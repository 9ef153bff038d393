/**
 * Where this host is asked to take part in federated rounds. It takes part in one at a time, and only
 * of whoever leads in the turn that it knows, as it takes work; what anybody else asks for is refused.
 */
import type { Engine } from '../../../models/engine.ts'
import { Net } from '../../../models/nets/net.ts'
import { commonShape } from '../../../models/registry/common.ts'
import type { Family } from '../../../models/registry/learned.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Clock, Timer } from '../../../protocol/ports/clock.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { decode, encode } from '../../../protocol/wire/codec.ts'
import { BadQuestion, type Calls } from '../../requests/calls.ts'
import { roundLimits } from './limits.ts'
import { OwnRound, type OwnRoundParts } from './own-round.ts'
import { OwnTrees, type OwnTreesParts } from './own-trees.ts'
import {
  ROUND_SERVICE,
  RoundAnswer,
  RoundQuestion,
  type RoundReply,
  type RoundStep,
  refusal,
} from './wire.ts'

interface RoundOf {
  readonly leader: PeerId
  readonly term: number
  readonly number: number
}

/** A round that this host is in, of whichever family. */
interface Taken extends RoundOf {
  take(step: RoundStep): Promise<RoundReply>
  close(): Promise<void>
}

type TakenParts = OwnRoundParts & OwnTreesParts

export interface RoundDeskParts extends Omit<TakenParts, 'net'> {
  readonly engine: Engine
  readonly clock: Clock
  readonly entropy: Entropy
  readonly calls: Pick<Calls, 'serve'>
  leads(peer: PeerId, term: number): boolean
}

export interface OpenRound {
  readonly term: number
  readonly number: number
  readonly base: string
  readonly family: Family
}

/** What the ledger says of rounds, as this host holds it. */
export interface RoundLedger {
  /** Whether whoever leads has opened that round, from that version on; it may come a moment later. */
  isOpen(round: OpenRound): Promise<boolean>
}

export class RoundDesk {
  /** Without it, this host takes part in nothing. */
  ledger: RoundLedger | undefined
  readonly #parts: RoundDeskParts & TakenParts
  readonly #chance: Entropy
  #round: Taken | undefined
  /** The one that it has come into last: into that it does not come again, though it has left it. */
  #latest: Pick<Taken, 'term' | 'number'> | undefined
  /** Those that it has come into since then. */
  #hour = { fromMs: 0, rounds: 0 }
  #silence: Timer | undefined

  constructor(parts: RoundDeskParts) {
    this.#parts = { ...parts, net: new Net(parts.engine, commonShape) }
    this.#chance = parts.entropy.stream('federated rounds')
    parts.calls.serve(ROUND_SERVICE, (from, body) => this.answer(from, body))
  }

  /** Also what the leader on this very host asks. */
  async answer(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const asked = decode(RoundQuestion, body)
    if (!asked.ok) throw new BadQuestion(`no question about a round: ${asked.why}`)
    return encode(RoundAnswer, { reply: await this.#reply(from, asked.value) })
  }

  /** History was made to forget: of a round that has begun with it, nothing more is given. */
  forget(): void {
    void this.#round?.close()
    this.#leave()
  }

  async stop(): Promise<void> {
    this.#silence?.cancel()
    await this.#round?.close()
    this.#round = undefined
    await this.#parts.net.close().catch(() => {})
  }

  async #reply(from: PeerId, { term, number, step }: RoundQuestion): Promise<RoundReply> {
    if (!this.#parts.leads(from, term)) {
      return refusal(
        'notLeader',
        'as far as this host knows, another agent leads, or in another turn',
      )
    }
    if (step.kind === 'invite' || step.kind === 'inviteTrees') {
      const family = step.kind === 'invite' ? 'net' : 'trees'
      const { base } = step.value
      const isOpen = await this.ledger?.isOpen({ term, number, base, family })
      if (isOpen !== true) return notOpen
      if (!this.#isLater(term, number)) return otherRound
      if (!this.#isWithinHour()) return tooMany
      await this.#enter(step.kind, { leader: from, term, number })
    }
    const round = this.#round
    const isMeant = round?.leader === from && round.term === term && round.number === number
    if (round === undefined || !isMeant) return otherRound
    this.#listen(round)
    const reply = await round.take(step)
    if (step.kind === 'over' && this.#round === round) this.#leave()
    return reply
  }

  /** Of a later turn, or later in this one, than what it has taken part in. */
  #isLater(term: number, number: number): boolean {
    const before = this.#latest
    if (before === undefined) return true
    return term > before.term || (term === before.term && number > before.number)
  }

  /** Each round tells a little of rows that are this host's own. */
  #isWithinHour(): boolean {
    const nowMs = this.#parts.clock.now()
    if (nowMs - this.#hour.fromMs >= hourMs) this.#hour = { fromMs: nowMs, rounds: 0 }
    this.#hour.rounds++
    return this.#hour.rounds <= roundLimits.roundsAnHourMax
  }

  async #enter(kind: 'invite' | 'inviteTrees', of: RoundOf): Promise<void> {
    const before = this.#round
    this.#latest = { term: of.term, number: of.number }
    const [parts, chance] = [this.#parts, this.#chance]
    this.#round =
      kind === 'invite' ? new OwnRound(of, parts, chance) : new OwnTrees(of, parts, chance)
    await before?.close()
  }

  /** A leader that says nothing any more has died, and the next one asks anew. */
  #listen(round: Taken): void {
    this.#silence?.cancel()
    this.#silence = this.#parts.clock.after(roundLimits.silenceMs, () => {
      if (this.#round === round) void round.close()
      if (this.#round === round) this.#leave()
    })
  }

  #leave(): void {
    this.#silence?.cancel()
    this.#silence = undefined
    this.#round = undefined
  }
}

const otherRound = refusal('otherRound', 'it takes part in another round, or in none')
const notOpen = refusal('otherRound', 'no such round is open in the ledger, as this host holds it')
const tooMany = refusal(
  'beyondLimits',
  `it has taken part in ${roundLimits.roundsAnHourMax} rounds within an hour`,
)
const hourMs = 3_600_000
