/**
 * Federated rounds, while this host leads: it looks what is due, writes each round into the ledger as
 * it is begun, at each phase and at its end, and adds what hosts are better off with to the registry,
 * in one entry with the end of its round.
 */
import type { Agent } from '../../../agent/agent.ts'
import { roundLimits } from '../../../agent/learning/round/limits.ts'
import type { RoundLedger } from '../../../agent/learning/round/round-desk.ts'
import { ROUND_SERVICE } from '../../../agent/learning/round/wire.ts'
import type { ModuleSpec } from '../../../agent/modules/module.ts'
import { fitting } from '../../../agent/work/texts.ts'
import { adding, type Moves } from '../../../models/registry/moving.ts'
import { type RegistryView, registryIn } from '../../../models/registry/versions.ts'
import type { PeerId } from '../../../protocol/identity/peer-id.ts'
import type { SimpleCommand } from '../../../protocol/ledger/catalogue.ts'
import type { Candidacy, Leadership } from '../../../protocol/ledger/ledger.ts'
import type { Entropy } from '../../../protocol/ports/entropy.ts'
import { messageOf, stackOf } from '../../../protocol/thrown.ts'
import { fitted } from '../../audit/deed.ts'
import { lookAfter } from '../../looking-after.ts'
import type { Ask } from './asking.ts'
import { type DriveParts, RoundDrive, type RoundEnd } from './drive.ts'
import { afterLost, afterMasking, afterRound, begunAnew, dueIn } from './due.ts'
import { roundsLimits } from './limits.ts'
import { RoundPlanning } from './planning.ts'
import type { RollCall } from './roll-call.ts'
import {
  forgetBefore,
  putRound,
  putTally,
  type Round,
  type RoundPhase,
  type Rounds,
  roundIn,
  roundsIn,
} from './rows.ts'

export class RoundsDesk {
  readonly #agent: Agent
  readonly #entropy: Entropy
  readonly #planning: RoundPlanning

  constructor(agent: Agent) {
    this.#agent = agent
    this.#entropy = agent.ports.entropy.stream('leading federated rounds')
    this.#planning = new RoundPlanning(agent, this.#entropy)
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
          if (this.#isStopped()) this.#agent.learning.rounds.forget()
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
  async #isOpen({ term, number, base }: Parameters<RoundLedger['isOpen']>[0]): Promise<boolean> {
    const { ledger, ports } = this.#agent
    const untilMs = ports.clock.now() + roundLimits.openedMs
    for (;;) {
      const { state } = ledger
      const round = roundIn(state, number)
      if (round?.state === 'open' && round.term === term && round.base === base) return true
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
    const { ledger, ports } = this.#agent
    const rounds = roundsIn(ledger.state)
    const due = dueIn(rounds, ports.clock.wall())
    if (due === undefined || !turn.holds()) return
    if (due.kind === 'closeLost') return this.#closeLost(rounds)
    if (due.kind === 'hear') {
      await this.#write([putTally(due.tally, rounds.tallyRevision)])
      return
    }
    if (this.#isStopped()) return this.#forgetWish(rounds)
    await this.#do(turn, rounds, due.by)
  }

  /** Then nothing is begun, and what is under way goes no further. */
  #isStopped(): boolean {
    const { latch } = this.#agent.estop.core
    return latch.inForce().some(({ saying }) => saying.scope.kind === 'mesh')
  }

  async #closeLost({ last, tally, tallyRevision }: Rounds): Promise<void> {
    if (last === undefined) return
    const lost = `its leader was lost, or gave it up, while hosts were ${phaseWords[last.phase]}`
    const why = this.#isStopped() ? stoppedEnd.why : lost
    const closed = this.#ended(last, { state: 'failed', why })
    const left = this.#isStopped() ? { left: 0 } : {}
    const after = { ...afterLost(tally), ...left }
    await this.#write([putRound(closed), putTally(after, tallyRevision)], closed)
  }

  /** Whoever releases the stop starts nothing by it. */
  async #forgetWish({ tally, tallyRevision }: Rounds): Promise<void> {
    if (tally.left > 0) await this.#write([putTally({ ...tally, left: 0 }, tallyRevision)])
  }

  async #do(turn: Leadership, before: Rounds, by: string): Promise<void> {
    const began = registryIn(this.#agent.ledger.state)
    const found = await this.#planning.base()
    const rounds = found.ok && found.isNew ? begunAnew(before) : before
    const base = found.ok ? found : { hash: '', parameters: new Float32Array(0) }
    const plan = this.#planning.planOf(turn.term, base, rounds)
    const { clock } = this.#agent.ports
    const { steps, rule, liars, noise } = rounds.settings
    const { number, term, clip } = plan
    const round: Round = {
      number,
      revision: 0,
      state: 'open',
      phase: 'inviting',
      term,
      by,
      openedMs: clock.wall(),
      base: base.hash,
      hosts: [],
      why: '',
      steps,
      rule,
      liars,
      noise,
      clip,
    }
    const tally = { ...rounds.tally, number, openedMs: round.openedMs }
    if (!found.ok) return this.#notBegun(round, found.why, { ...rounds, tally })
    const opened = await this.#write([
      putRound(round),
      putTally(tally, rounds.tallyRevision),
      ...forgetBefore(this.#agent.ledger.state, number),
    ])
    if (!opened) return
    try {
      const end = await new RoundDrive(plan, this.#driveParts(turn, number)).run()
      if (end !== undefined && turn.holds()) await this.#close(number, end, began)
    } catch (error) {
      this.#agent.ports.log.child('rounds').error('a round broke off', { why: stackOf(error) })
      if (turn.holds()) await this.#closeBroken(number, messageOf(error))
    }
  }

  /** With hosts as they were written last: what broke it may be what there is to say of them. */
  async #closeBroken(number: number, why: string): Promise<void> {
    const round = roundIn(this.#agent.ledger.state, number)
    if (round?.state !== 'open') return
    const { tally, tallyRevision } = roundsIn(this.#agent.ledger.state)
    const failed = this.#ended(round, { state: 'failed', why: `it broke off: ${why}` })
    const after = afterRound(tally, { state: 'failed' })
    await this.#write([putRound(failed), putTally(after, tallyRevision)], failed)
  }

  /** It is told of all the same: somebody may wait for it. */
  async #notBegun(round: Round, why: string, { tally, tallyRevision }: Rounds): Promise<void> {
    const failed = this.#ended(round, { state: 'failed', why })
    const after = afterRound(tally, { state: 'failed' })
    await this.#write([putRound(failed), putTally(after, tallyRevision)], failed)
  }

  #driveParts(turn: Leadership, number: number): DriveParts {
    const { settings, ports } = this.#agent
    return {
      verify: settings.verify,
      pause: () => new Promise<void>((resolve) => ports.clock.after(0, resolve)),
      bytes: (length) => this.#entropy.bytes(length),
      ask: (host, body, deadlineMs) => this.#ask(host, body, deadlineMs),
      offer: (parameters) => this.#planning.keep(parameters),
      enter: (phase, roll) => this.#enter(turn, number, phase, roll),
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

  async #enter(
    turn: Leadership,
    number: number,
    phase: RoundPhase,
    roll: RollCall,
  ): Promise<boolean> {
    const round = roundIn(this.#agent.ledger.state, number)
    if (round === undefined || round.term !== turn.term || !turn.holds()) return false
    if (this.#isStopped()) return false
    const entered = putRound({ ...round, phase, hosts: roll.hosts() })
    if (phase !== 'masking') return this.#write([entered])
    const { tally, tallyRevision } = roundsIn(this.#agent.ledger.state)
    const spent = afterMasking(tally, { noise: round.noise, hosts: roll.present.length })
    return this.#write([entered, putTally(spent, tallyRevision)])
  }

  async #close(number: number, end: RoundEnd, began: RegistryView): Promise<void> {
    const { ledger, ports } = this.#agent
    const rounds = roundsIn(ledger.state)
    const round = roundIn(ledger.state, number)
    if (round === undefined) return
    const { roll, liars, candidate, usualLength, lossBefore, lossAfter } = end
    const { state, why } = this.#isStopped() ? stoppedEnd : end
    const closed = this.#ended(
      {
        ...round,
        hosts: roll.hosts(),
        liars,
        ...(candidate === undefined ? {} : { candidate }),
        ...(lossBefore === undefined ? {} : { lossBefore }),
        ...(lossAfter === undefined ? {} : { lossAfter }),
        ...(usualLength === undefined || !Number.isFinite(usualLength) ? {} : { usualLength }),
      },
      { state, why },
    )
    const { hasLiars } = roll
    const tally = afterRound(rounds.tally, { state, hasLiars })
    const added =
      state === 'kept' ? this.#adding(closed, roll, began) : { ok: true as const, commands: [] }
    if (!added.ok) return this.#closeFailed(closed, added.why, rounds)
    const commands = [putRound(closed), putTally(tally, rounds.tallyRevision), ...added.commands]
    if (await this.#write(commands, closed)) return
    ports.log.child('rounds').warn('what came of a round could not be written', { number })
  }

  async #closeFailed(round: Round, why: string, { tally, tallyRevision }: Rounds): Promise<void> {
    const failed = this.#ended(round, { state: 'failed', why: `the registry: ${why}` })
    const after = afterRound(tally, { state: 'failed' })
    await this.#write([putRound(failed), putTally(after, tallyRevision)], failed)
  }

  #adding(
    { number, base, candidate = '', lossBefore, lossAfter, why }: Round,
    roll: RollCall,
    began: RegistryView,
  ): Moves {
    const { ledger, ports } = this.#agent
    const view = registryIn(ledger.state)
    const atMs = ports.clock.wall()
    const version = {
      hash: candidate,
      kind: 'duration' as const,
      parents: [base],
      round: number,
      madeMs: atMs,
      hosts: roll.countedHosts,
      rows: roll.rows,
      ...(lossBefore === undefined ? {} : { lossBefore }),
      ...(lossAfter === undefined ? {} : { lossAfter }),
    }
    return adding(view, version, { why: `round ${number}: ${why}`, atMs }, began)
  }

  #ended(round: Round, { state, why }: Pick<Round, 'state' | 'why'>): Round {
    const endedMs = this.#agent.ports.clock.wall()
    const told = fitting(why, roundsLimits.whyBytesMax)
    return { ...round, state, why: told, endedMs, phase: 'ended' }
  }

  /** Whether it took effect. Of a round that has ended, with its note in the audit log and an event. */
  async #write(commands: readonly SimpleCommand[], ended?: Round): Promise<boolean> {
    const { ledger, membership, journal, id } = this.#agent
    const name = membership.nameOf(id) ?? id
    const kind = ended === undefined ? '' : `federation.${ended.state}`
    const note = ended && {
      actor: `agent ${name}`,
      verb: kind,
      object: `round ${ended.number}`,
      from: name,
      detail: `${ended.why}; for ${ended.by}`,
      outcome: 'ok',
    }
    const value = {
      commands: [...commands],
      ...(note === undefined ? {} : { audit: fitted(note) }),
    }
    const { appendMs: timeoutMs } = roundsLimits
    const outcome = await ledger.append({ kind: 'batch', value }, { timeoutMs })
    if (outcome.kind !== 'applied' || outcome.result.code !== 'ok') return false
    if (ended !== undefined) {
      const text = `federated round ${ended.number} was ${stateWords[ended.state]}: ${ended.why}`
      journal.record({ kind, node: id, name, text, fields: { round: ended.number } })
    }
    return true
  }
}

const phaseWords: Readonly<Record<RoundPhase, string>> = {
  inviting: 'invited',
  training: 'training',
  masking: 'giving what they learned under masks',
  voting: 'voting',
  ended: 'done',
}

const stoppedEnd = { state: 'failed', why: 'the mesh was stopped' } as const

const stateWords: Readonly<Record<Round['state'], string>> = {
  open: 'begun',
  kept: 'kept',
  rejected: 'rejected',
  failed: 'given up',
}
