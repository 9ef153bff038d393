/**
 * Commands on their way into the log: from here to whoever leads, or, where this host leads, from
 * all who ask. A command is proposed at most once; it is tried elsewhere only when it certainly was
 * not proposed.
 */
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { Appended, AppendOptions, LedgerRefusal } from '../../protocol/ledger/ledger.ts'
import { machine } from '../../protocol/ledger/machine.ts'
import type { Clock } from '../../protocol/ports/clock.ts'
import { BadQuestion, type Calls } from '../requests/calls.ts'
import type { AppendGuard } from './append-guard.ts'
import { Courier } from './courier.ts'
import type { LedgerTime } from './ledger-time.ts'
import { ledgerLimits } from './limits.ts'
import { within } from './patience.ts'
import type { Effect } from './replica.ts'
import type { Standing } from './standing.ts'
import { APPEND_SERVICE, decodeRequest, encodeOutcomes, type Wanted } from './wire.ts'

export class Appending {
  private readonly standing: Standing
  private readonly clock: Clock
  private readonly time: LedgerTime
  private readonly calls: Calls
  private readonly couriers = new Map<PeerId, Courier>()
  /** Asked about commands of others, where it is set. */
  guard: AppendGuard | undefined
  /** Commands of others that are under way here. */
  private forwarded = 0

  constructor(standing: Standing, clock: Clock, time: LedgerTime, calls: Calls) {
    this.standing = standing
    this.clock = clock
    this.time = time
    this.calls = calls
    calls.serve(APPEND_SERVICE, (from, body) => this.serve(from, body))
  }

  /** Finds the leader, waits for one within the time, and never proposes twice. */
  async append(command: Command, options: AppendOptions): Promise<Appended> {
    const { clock, standing } = this
    const deadlineMs = clock.now() + options.timeoutMs
    let hint: PeerId | undefined
    for (let retryMs: number = ledgerLimits.leaderRetryMs; ; ) {
      options.signal?.throwIfAborted()
      const leftMs = deadlineMs - clock.now()
      if (leftMs <= 0) return standing.noQuorum()
      const leader: PeerId | undefined = hint ?? standing.leader
      const appended = await this.appendAt(leader, command, leftMs, options)
      if (appended.kind !== 'refused' || appended.why !== 'notLeader') return appended
      hint = appended.leader === leader ? undefined : appended.leader
      if (hint) continue
      await standing.leaderMoves(clock, Math.min(retryMs, leftMs))
      retryMs = Math.min(2 * retryMs, ledgerLimits.leaderRetryMsMax)
    }
  }

  private appendAt(
    leader: PeerId | undefined,
    command: Command,
    leftMs: number,
    { numbered, proof }: AppendOptions,
  ): Promise<Appended> {
    const wanted = { command, numbered, proof }
    if (!leader) return Promise.resolve({ kind: 'refused', why: 'notLeader', leader: undefined })
    if (leader !== this.standing.id) return this.courierTo(leader).take(wanted, leftMs)
    return this.appendHere([wanted], leftMs).then(([appended]) => appended as Appended)
  }

  private courierTo(leader: PeerId): Courier {
    const known = this.couriers.get(leader)
    if (known) return known
    for (const [peer, courier] of this.couriers) if (courier.idle) this.couriers.delete(peer)
    const courier = new Courier(this.calls, this.clock, leader)
    this.couriers.set(leader, courier)
    return courier
  }

  /** One entry each, proposed together. */
  private async appendHere(wanted: readonly Wanted[], leftMs: number): Promise<Appended[]> {
    const { stopped, suspected, voter, state } = this.standing
    const nobody: LedgerRefusal = { kind: 'refused', why: 'notLeader', leader: undefined }
    if (stopped || !voter) return wanted.map(() => stopped ?? nobody)
    // What may be wrong is not built upon. It is known in a moment, one way or the other.
    if (suspected) return wanted.map(() => ({ kind: 'refused', why: 'overloaded' }))
    const timeMs = this.time.now(state.timeMs)
    const sealed = wanted.map(({ command, numbered }) =>
      machine.seal(command, numbered ? { timeMs, numbered } : { timeMs }),
    )
    const proposals = sealed.flatMap((one) => (one.ok ? [{ data: one.payload }] : []))
    const proposed = proposals.length > 0 ? voter.propose(proposals) : undefined
    const outcome = proposed && (await within(this.clock, leftMs, proposed))
    let next = 0
    return sealed.map((one): Appended => {
      if (!one.ok) return { kind: 'refused', why: one.code, detail: one.why }
      const at = next++
      if (!outcome) return { kind: 'unknown', why: 'timedOut' }
      if (!outcome.ok) return refusalOf(outcome.reason, outcome.leader)
      return { kind: 'applied', index: outcome.index + at, ...(outcome.results[at] as Effect) }
    })
  }

  /** What people decide waits for its proof; nothing else waits for anything. */
  private async appendGuarded(
    from: PeerId,
    wanted: readonly Wanted[],
    timeoutMs: number,
  ): Promise<Appended[]> {
    const { guard } = this
    if (guard === undefined) return this.appendHere(wanted, timeoutMs)
    const asked = wanted.map(({ command, proof }) => guard.admit(command, proof, from))
    if (asked.every((each) => each === undefined)) return this.appendHere(wanted, timeoutMs)
    const admitted = await Promise.all(asked)
    const open = wanted.flatMap((one, i) => {
      const it = admitted[i]
      if (it === undefined) return [one]
      return it.ok ? [{ ...one, command: it.command }] : []
    })
    const outcomes = await this.appendHere(open, timeoutMs)
    let next = 0
    return admitted.map((it): Appended => {
      if (it?.ok === false) return { kind: 'refused', why: 'notSigned', detail: it.detail }
      const outcome = outcomes[next++] as Appended
      it?.settle(mayHaveTakenEffect(outcome))
      return outcome
    })
  }

  private async serve(from: PeerId, body: Uint8Array): Promise<Uint8Array> {
    const request = decodeRequest(body)
    if (!request) throw new BadQuestion('that is no request to append')
    const { wanted, timeoutMs } = request
    const overloaded: Appended = { kind: 'refused', why: 'overloaded' }
    if (this.forwarded + wanted.length > ledgerLimits.forwardedMax)
      return encodeOutcomes(wanted.map(() => overloaded))
    this.forwarded += wanted.length
    try {
      return encodeOutcomes(await this.appendGuarded(from, wanted, timeoutMs))
    } finally {
      this.forwarded -= wanted.length
    }
  }
}

function mayHaveTakenEffect(outcome: Appended): boolean {
  return outcome.kind === 'applied' ? outcome.result.code === 'ok' : outcome.kind === 'unknown'
}

function refusalOf(reason: string, leader: PeerId | undefined): LedgerRefusal {
  switch (reason) {
    case 'backlogFull':
      return { kind: 'refused', why: 'overloaded' }
    case 'logFull':
      return { kind: 'refused', why: 'full' }
    case 'superseded':
    case 'transferring':
      return { kind: 'refused', why: 'notLeader', leader: undefined }
    case 'tooLarge':
      return { kind: 'refused', why: 'tooLarge', detail: 'the command is larger than an entry' }
    case 'unknown':
    case 'stopped':
      return { kind: 'unknown', why: 'leaderLost' }
    default:
      return { kind: 'refused', why: 'notLeader', leader }
  }
}
