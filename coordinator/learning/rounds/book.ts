/**
 * What is written of rounds while this host leads: each as it is begun, at each phase and at its end,
 * together with where learning has got to, and with what hosts are better off with in the registry.
 */
import type { Agent } from '../../../agent/agent.ts'
import { fitting } from '../../../agent/work/texts.ts'
import type { RegistryView } from '../../../models/registry/versions.ts'
import type { SimpleCommand } from '../../../protocol/ledger/catalogue.ts'
import type { Leadership } from '../../../protocol/ledger/ledger.ts'
import { isStanding } from '../../../protocol/membership/roster.ts'
import type { Registry } from '../registry.ts'
import { type Told, written } from '../written.ts'
import type { DecodedRounds } from './decoded.ts'
import type { Plan, RoundEnd } from './drive.ts'
import { afterLost, afterMasking, afterRound, isOtherNext } from './due.ts'
import { roundsLimits } from './limits.ts'
import type { RollCall } from './roll-call.ts'
import {
  forgetBefore,
  isHeard,
  putRound,
  putTally,
  type Round,
  type RoundPhase,
  type Rounds,
  type Tally,
} from './rows.ts'
import { suspectsAfter } from './suspicion.ts'
import { isStop } from './wish.ts'

export class RoundBook {
  readonly #agent: Agent
  readonly #registry: Registry
  readonly #decoded: DecodedRounds

  constructor(agent: Agent, registry: Registry, decoded: DecodedRounds) {
    this.#agent = agent
    this.#registry = registry
    this.#decoded = decoded
  }

  /** As this agent knows it. */
  get rounds(): Rounds {
    return this.#decoded.in(this.#agent.ledger.state)
  }

  /** Why nothing more is to come of the round that is under way: whoever has stopped it. */
  get stopped(): string | undefined {
    if (this.isMeshStopped) return 'the mesh was stopped'
    const { rounds } = this
    const { wish } = rounds
    if (wish === undefined || !isStop(wish) || isHeard(rounds)) return undefined
    return `${wish.by} has stopped it${wish.reason === undefined ? '' : `: ${wish.reason}`}`
  }

  /** Then nothing is begun, and what is under way goes no further. */
  get isMeshStopped(): boolean {
    const { latch } = this.#agent.estop.core
    return latch.inForce().some(({ saying }) => saying.scope.kind === 'mesh')
  }

  async hear(tally: Tally, { tallyRevision }: Rounds): Promise<void> {
    await this.#write([putTally(tally, tallyRevision)])
  }

  /** Whoever releases a stop of the mesh starts nothing by it. */
  async forgetWish({ tally, tallyRevision }: Rounds): Promise<void> {
    if (tally.left > 0) await this.#write([putTally({ ...tally, left: 0 }, tallyRevision)])
  }

  /**
   * Whether it is open for all to see. With `why`, it ends as it begins: somebody may wait for it.
   * `instead`: it was the turn of the other family, of which nothing could begin for that reason.
   */
  async open(
    plan: Plan,
    by: string,
    rounds: Rounds,
    { why, instead }: { why?: string | undefined; instead?: string | undefined },
  ): Promise<boolean> {
    const { number, term, base, clip } = plan
    const { family } = base.learned
    const { steps, rule, liars, noise } = rounds.settings
    const openedMs = this.#agent.ports.clock.wall()
    const round: Round = {
      ...{ number, revision: 0, state: 'open', phase: 'inviting', term, by, openedMs },
      ...{ base: base.hash, hosts: [], why: '', steps, rule, liars, noise, clip, family },
      ...(instead === undefined ? {} : { instead: fitting(instead, roundsLimits.whyBytesMax) }),
    }
    const tally = { ...rounds.tally, number, openedMs }
    if (why !== undefined) {
      await this.#end(round, { state: 'failed', why }, { ...rounds, tally })
      return false
    }
    return this.#write([
      putRound(round),
      putTally(tally, rounds.tallyRevision),
      ...forgetBefore(this.#agent.ledger.state, number),
    ])
  }

  /** False where this agent leads no more, or the round is over. */
  async enter(
    turn: Leadership,
    number: number,
    phase: RoundPhase,
    roll: RollCall,
  ): Promise<boolean> {
    const round = this.#round(number)
    if (round?.state !== 'open' || round.term !== turn.term || !turn.holds()) return false
    if (this.stopped !== undefined) return false
    const entered = putRound({ ...round, phase, hosts: roll.hosts() })
    if (phase !== 'masking') return this.#write([entered])
    const { tally, tallyRevision } = this.rounds
    const spent = afterMasking(tally, { noise: round.noise, hosts: roll.present.length })
    return this.#write([entered, putTally(spent, tallyRevision)])
  }

  async close(number: number, end: RoundEnd, began: RegistryView): Promise<void> {
    const { rounds } = this
    const round = this.#round(number)
    if (round?.state !== 'open') return
    const { stopped } = this
    const { state, why } = stopped === undefined ? end : { state: 'failed' as const, why: stopped }
    const { hasLiars, hasUncounted } = end.roll
    const { family } = round
    const closed = this.#ended(withEnd(round, end), { state, why })
    const suspects = this.#suspectsAfter(closed, rounds)
    const before = this.#round(number - 1)
    const ended = {
      ...{ state, family, hasLiars, hasUncounted },
      isOtherNext: stopped === undefined && isOtherNext(rounds, before),
    }
    const tally = { ...afterRound(rounds.tally, ended), suspects }
    const commands = [putRound(closed), putTally(tally, rounds.tallyRevision)]
    if (state === 'kept') return this.#keep(closed, { end, began, commands, rounds })
    if (!(await this.#write(commands, closed))) this.#warn(number)
  }

  /** With hosts as they were written last: what broke it may be what there is to say of them. */
  async closeBroken(number: number, why: string): Promise<void> {
    const round = this.#round(number)
    if (round?.state !== 'open') return
    await this.#end(round, { state: 'failed', why: `it broke off: ${why}` }, this.rounds)
  }

  async closeLost({ last, tally, tallyRevision }: Rounds): Promise<void> {
    if (last === undefined) return
    const lost = `its leader was lost, or gave it up, while hosts were ${phaseWords[last.phase]}`
    const { stopped } = this
    const closed = this.#ended(last, { state: 'failed', why: stopped ?? lost })
    const left = stopped === undefined ? {} : { left: 0 }
    const after = { ...afterLost(tally), ...left }
    await this.#write([putRound(closed), putTally(after, tallyRevision)], closed)
  }

  async #keep(
    closed: Round,
    {
      end: { roll },
      began,
      commands,
      rounds,
    }: { end: RoundEnd; began: RegistryView; commands: SimpleCommand[]; rounds: Rounds },
  ): Promise<void> {
    const { number, base, candidate = '', lossBefore, lossAfter, why, family } = closed
    const version = {
      hash: candidate,
      kind: 'duration' as const,
      ...(family === 'net' ? {} : { family }),
      parents: [base],
      round: number,
      madeMs: this.#agent.ports.clock.wall(),
      hosts: roll.countedHosts,
      rows: roll.rows,
      ...(lossBefore === undefined ? {} : { lossBefore }),
      ...(lossAfter === undefined ? {} : { lossAfter }),
    }
    const beside = { commands, told: toldOf(closed) }
    const kept = await this.#registry.add(version, `round ${number}: ${why}`, { began, beside })
    if (kept.ok) return
    if (kept.by === 'ledger') return this.#warn(number)
    const refused = { state: 'failed', why: `the registry: ${kept.why}` } as const
    await this.#end(closed, refused, rounds)
  }

  async #end(
    round: Round,
    { state, why }: { state: 'failed'; why: string },
    { tally, tallyRevision }: Rounds,
  ): Promise<void> {
    const failed = this.#ended(round, { state, why })
    const after = afterRound(tally, { state, family: round.family })
    await this.#write([putRound(failed), putTally(after, tallyRevision)], failed)
  }

  #ended(round: Round, { state, why }: Pick<Round, 'state' | 'why'>): Round {
    const endedMs = this.#agent.ports.clock.wall()
    const told = fitting(why, roundsLimits.whyBytesMax)
    return { ...round, state, why: told, endedMs, phase: 'ended' }
  }

  /** Also after a round that says nothing of anybody: suspicion fades with rounds. */
  #suspectsAfter(closed: Round, { tally, settings }: Rounds): string[] {
    const { ledger, membership } = this.#agent
    const { state } = ledger
    const here = membership.members().filter(({ self, state: is }) => self || isStanding(is))
    const ids = new Set<string>(here.map(({ id }) => id))
    const before = this.#decoded
      .last(state, roundsLimits.ratedRounds)
      .filter(({ number }) => number !== closed.number)
    const rounds = [...before.reverse(), closed]
    return suspectsAfter(rounds, tally.suspects, settings.liars, (host) => ids.has(host))
  }

  #round(number: number): Round | undefined {
    return this.#decoded.round(this.#agent.ledger.state, number)
  }

  /** Whether it took effect. */
  async #write(commands: readonly SimpleCommand[], ended?: Round): Promise<boolean> {
    const told = ended === undefined ? [] : [toldOf(ended)]
    return (await written(this.#agent, commands, told)).ok
  }

  #warn(number: number): void {
    this.#agent.ports.log.child('rounds').warn('what came of a round could not be written', {
      number,
    })
  }
}

/** With what there is to say of it, whatever becomes of it. */
function withEnd(round: Round, end: RoundEnd): Round {
  const { roll, liars, candidate, usualLength, game, lossBefore, lossAfter } = end
  return {
    ...round,
    ...game,
    hosts: roll.hosts(),
    liars,
    ...(candidate === undefined ? {} : { candidate }),
    ...(lossBefore === undefined ? {} : { lossBefore }),
    ...(lossAfter === undefined ? {} : { lossAfter }),
    ...(usualLength === undefined || !Number.isFinite(usualLength) ? {} : { usualLength }),
  }
}

function toldOf({ number, state, why, by, family }: Round): Told {
  const what = family === 'trees' ? 'federated round of trees' : 'federated round'
  const text = `${what} ${number} was ${stateWords[state]}: ${why}`
  return {
    kind: `federation.${state}`,
    object: `round ${number}`,
    detail: `${why}; for ${by}`,
    text,
    fields: { round: number },
  }
}

const phaseWords: Readonly<Record<RoundPhase, string>> = {
  inviting: 'invited',
  training: 'training',
  masking: 'giving what they learned under masks',
  voting: 'voting',
  ended: 'done',
}

const stateWords: Readonly<Record<Round['state'], string>> = {
  open: 'begun',
  kept: 'kept',
  rejected: 'rejected',
  failed: 'given up',
}
