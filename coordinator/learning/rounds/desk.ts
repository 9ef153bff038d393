/**
 * Federated rounds, while this host leads: it looks what is due, and does it. What is written of it is
 * in `book.ts`.
 */
import type { Agent } from '../../../agent/agent.ts'
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { OpenRound, RoundLedger } from '../../../agent/learning/round/round-desk.ts'
import { ROUND_SERVICE } from '../../../agent/learning/round/wire.ts'
import type { ModuleSpec } from '../../../agent/modules/module.ts'
import type { Family } from '../../../models/registry/learned.ts'
import { registryIn } from '../../../models/registry/versions.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { Candidacy, Leadership } from '../../../protocol/ledger/ledger.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { messageOf, stackOf } from '../../../protocol/thrown.ts'
import { lookAfter } from '../../looking-after.ts'
import type { Registry } from '../registry.ts'
import type { Ask } from './asking.ts'
import { RoundBook } from './book.ts'
import { DecodedRounds } from './decoded.ts'
import { type DriveParts, type Plan, RoundDrive } from './drive.ts'
import { begunAnew, type Due, dueIn } from './due.ts'
import { roundsLimits } from './limits.ts'
import { type Found, RoundPlanning } from './planning.ts'
import type { Rounds } from './rows.ts'

type Begin = Extract<Due, { kind: 'begin' }>

interface Begun {
  readonly family: Family
  readonly found: Found
  /** Why it is not of the family whose turn it was. */
  readonly instead?: string
}

/** Of a round that ends as it begins. */
const nothingOf = {
  net: { family: 'net', parameters: new Float32Array(0) },
  trees: { family: 'trees', trees: [] },
} as const

export class RoundsDesk {
  readonly #agent: Agent
  readonly #entropy: Entropy
  readonly #planning: RoundPlanning
  readonly #decoded = new DecodedRounds()
  readonly #book: RoundBook

  constructor(agent: Agent, registry: Registry) {
    this.#agent = agent
    this.#entropy = agent.ports.entropy.stream('leading federated rounds')
    this.#planning = new RoundPlanning(agent, this.#entropy, this.#decoded)
    this.#book = new RoundBook(agent, registry, this.#decoded)
  }

  module(): ModuleSpec {
    let candidacy: Candidacy | undefined
    let unfollow = (): void => {}
    return {
      name: 'federated-rounds',
      priority: 6,
      needs: ['ledger', 'learning'],
      start: () => {
        const isOpen: RoundLedger['isOpen'] = (round) => this.#isOpen(round)
        this.#agent.learning.rounds.ledger = { isOpen }
        // Of a round that is under way when the mesh is stopped, this host says nothing more.
        unfollow = this.#agent.estop.follow(() => {
          if (this.#book.isMeshStopped) this.#agent.learning.rounds.forget()
        })
        candidacy = this.#agent.ledger.lead((turn) => this.#lead(turn))
      },
      stop: () => {
        unfollow()
        candidacy?.withdraw()
      },
    }
  }

  /** As this host holds the ledger, or is about to: an invitation may be here before its entry. */
  async #isOpen({ term, number, base, family }: OpenRound): Promise<boolean> {
    const { ledger, ports } = this.#agent
    const untilMs = ports.clock.now() + roundLimits.openedMs
    for (;;) {
      const { state } = ledger
      const round = this.#decoded.round(state, number)
      const isMeant = round?.term === term && round.base === base && round.family === family
      if (isMeant && round.state === 'open') return true
      const timeoutMs = untilMs - ports.clock.now()
      if (timeoutMs <= 0) return false
      const consistency = { atLeast: state.index + 1 }
      const came = await ledger.read({ kind: 'status' }, { consistency, timeoutMs })
      if (came.kind !== 'read') return false
    }
  }

  #lead(turn: Leadership): void {
    const { clock, log } = this.#agent.ports
    lookAfter({ clock, log: log.child('rounds') }, turn, {
      what: 'learning in rounds',
      everyMs: roundsLimits.lookMs,
      look: () => this.#look(turn),
    })
  }

  async #look(turn: Leadership): Promise<void> {
    const { rounds } = this.#book
    const due = dueIn(rounds, this.#agent.ports.clock.wall())
    if (due === undefined || !turn.holds()) return
    if (due.kind === 'closeLost') return this.#book.closeLost(rounds)
    if (due.kind === 'hear') return this.#book.hear(due.tally, rounds)
    if (this.#book.isMeshStopped) return this.#book.forgetWish(rounds)
    await this.#do(turn, rounds, due)
  }

  async #do(turn: Leadership, before: Rounds, begin: Begin): Promise<void> {
    const began = registryIn(this.#agent.ledger.state)
    const { family, found, instead } = await this.#begun(before, begin)
    const isAnew = found.ok && found.isNew && family === 'net'
    const rounds = isAnew ? begunAnew(before) : before
    const base = found.ok ? found : { hash: '', learned: nothingOf[family] }
    const plan = this.#planning.planOf(turn.term, base, rounds)
    const why = found.ok ? undefined : found.why
    const opened = await this.#book.open(plan, begin.by, rounds, { why, instead })
    if (!opened) return
    const { number } = plan
    try {
      const end = await this.#driven(turn, plan)
      if (end !== undefined && turn.holds()) await this.#book.close(number, end, began)
    } catch (error) {
      this.#agent.ports.log.child('rounds').error('a round broke off', { why: stackOf(error) })
      if (turn.holds()) await this.#book.closeBroken(number, messageOf(error))
    }
  }

  /** What it begins with, of the family whose turn it is; or of the other, if nothing of that can begin. */
  async #begun({ settings }: Rounds, { family, other }: Begin): Promise<Begun> {
    const found = await this.#planning.base(family, settings)
    if (found.ok || other === undefined) return { family, found }
    const second = await this.#planning.base(other, settings)
    return second.ok
      ? { family: other, found: second, instead: found.why }
      : { family, found: { ok: false, why: `${found.why}; nor can the other: ${second.why}` } }
  }

  /** To its end, or until somebody stops it. */
  async #driven(turn: Leadership, plan: Plan): ReturnType<RoundDrive['run']> {
    const over = new AbortController()
    const timer = this.#agent.ports.clock.every(roundsLimits.lookMs, () => {
      if (this.#book.stopped !== undefined) over.abort()
    })
    try {
      return await new RoundDrive(plan, this.#driveParts(turn, plan.number)).run(over.signal)
    } finally {
      timer.cancel()
    }
  }

  #driveParts(turn: Leadership, number: number): DriveParts {
    const { settings, ports } = this.#agent
    return {
      verify: settings.verify,
      clock: ports.clock,
      pause: () => new Promise<void>((resolve) => ports.clock.after(0, resolve)),
      chance: this.#entropy,
      ask: (host, body, deadlineMs) => this.#ask(host, body, deadlineMs),
      offer: (made) => this.#planning.keep(made),
      enter: (phase, roll) => this.#book.enter(turn, number, phase, roll),
    }
  }

  async #ask(host: PeerId, body: Uint8Array, deadlineMs: number): ReturnType<Ask> {
    const { id, calls, learning, ports } = this.#agent
    if (host !== id) return calls.ask(host, ROUND_SERVICE, body, deadlineMs)
    const late = Promise.withResolvers<{ ok: false; why: string }>()
    const timer = ports.clock.after(deadlineMs, () =>
      late.resolve({ ok: false, why: `no answer within ${deadlineMs} ms` }),
    )
    const answer = learning.rounds.answer(id, body).then(
      (told) => ({ ok: true, body: told }) as const,
      (error: unknown) => ({ ok: false, why: String(error) }) as const,
    )
    const first = await Promise.race([answer, late.promise])
    timer.cancel()
    return first
  }
}
