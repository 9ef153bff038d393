/**
 * Tells the mesh and its people where this host stands in the ledger: in its digest, in its
 * journal, and by the state of its module.
 */
import { eraOf, termText } from '../../protocol/consensus/era.ts'
import type { RaftEvent } from '../../protocol/consensus/ready.ts'
import { digestOf, digitsTold } from '../../protocol/ledger/digest.ts'
import type { StopReason } from '../../protocol/ledger/ledger.ts'
import { LEDGER_VERSION, type LedgerState } from '../../protocol/ledger/state.ts'
import type { LedgerRecord } from '../../protocol/membership/digest.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { HeadKeeper } from '../audit/head-keeper.ts'
import type { Journal } from '../journal/journal.ts'
import type { MembershipService } from '../membership/service.ts'
import type { ModuleHandle } from '../modules/module.ts'
import { ledgerLimits } from './limits.ts'
import type { LedgerService } from './service.ts'

export class LedgerReporter {
  private readonly ledger: LedgerService
  private readonly membership: MembershipService
  private readonly journal: Journal
  private readonly clock: Clock
  private readonly heads: HeadKeeper
  private handle: ModuleHandle | undefined
  private timer: Timer | undefined
  private told: LedgerRecord | undefined
  private whyTold: string | undefined
  private digested: { readonly state: LedgerState; readonly digest: string } | undefined

  constructor(
    ledger: LedgerService,
    membership: MembershipService,
    journal: Journal,
    clock: Clock,
    heads: HeadKeeper,
  ) {
    this.ledger = ledger
    this.membership = membership
    this.journal = journal
    this.clock = clock
    this.heads = heads
  }

  start(handle: ModuleHandle): void {
    this.handle = handle
    this.timer = this.clock.every(ledgerLimits.reportMs, () => this.report())
    this.report()
  }

  stop(): void {
    this.timer?.cancel()
    this.handle = undefined
    // Nobody is to look for a leader, or for a vote, where nothing runs.
    if (this.told && !this.told.stopped)
      this.tell({ ...this.told, leads: false, votes: false, stopped: true })
  }

  stoppedFor(reason: StopReason): void {
    const text = `the ledger has stopped here: ${whyStopped(reason)}`
    // A part that cannot start is started again and again; once is enough to tell.
    if (text !== this.whyTold) {
      const { id } = this.membership.self()
      const kind = reason.kind === 'diverged' ? 'ledger.diverged' : 'ledger.stopped'
      this.journal.record({ kind, node: id, text, fields: {} })
    }
    this.whyTold = text
    this.report()
  }

  heard(event: RaftEvent): void {
    const text = this.inWords(event)
    if (text) {
      const self = this.membership.self()
      const kind = `ledger.${event.kind}`
      this.journal.record({ kind, node: self.id, text, fields: fieldsOf(event) })
    }
    this.report()
  }

  private report(): void {
    const { stopped } = this.ledger
    if (stopped) this.handle?.failed(`the ledger has stopped here: ${whyStopped(stopped)}`)
    else if (!this.handle) return
    else this.whyTold = undefined
    const record = this.record()
    if (record) this.tell(record)
  }

  private tell(record: LedgerRecord): void {
    const before = this.told
    if (before && isSame(before, record)) return
    this.told = record
    const urgent =
      before?.leads !== record.leads ||
      before.votes !== record.votes ||
      before.stopped !== record.stopped ||
      before.storage !== record.storage
    this.membership.reportLedger(record, urgent)
  }

  private record(): LedgerRecord | undefined {
    const { id, state, storage, stopped, newestMark, config, leads, term, commit } = this.ledger
    if (!config) return stopped && { ...nowhere, storage }
    const audit = this.heads.own(state.auditHead)
    const mark = newestMark && { ...newestMark, digest: newestMark.digest.slice(0, digitsTold) }
    return {
      storage,
      leads,
      votes: config.voters.some((voter) => voter.id === id && voter.storage === storage),
      term,
      commit,
      applied: state.index,
      digest: this.digestTold(state),
      stopped: stopped !== undefined,
      supports: LEDGER_VERSION,
      ...(mark ? { mark } : {}),
      ...(audit ? { audit } : {}),
    }
  }

  /** A state never changes: at rest the same one is told of again and again. */
  private digestTold(state: LedgerState): string {
    if (this.digested?.state !== state) {
      this.digested = { state, digest: digestOf(state).slice(0, digitsTold) }
    }
    return this.digested.digest
  }

  private inWords(event: RaftEvent): string | undefined {
    const name = (id: Parameters<MembershipService['nameOf']>[0]) => this.membership.nameOf(id)
    switch (event.kind) {
      case 'role':
        if (event.role === 'leader') return `this agent leads, term ${termText(event.term)}`
        return event.leader
          ? `${name(event.leader)} leads, term ${termText(event.term)}`
          : undefined
      case 'config': {
        const { voters, outgoing, learners } = event.config
        const of = (title: string, members: typeof voters) =>
          members.length === 0 ? [] : [`${title}: ${members.map(({ id }) => name(id)).join(', ')}`]
        return [
          ...of('voters', voters),
          ...of('with those before them', outgoing),
          ...of('learners', learners),
        ].join('; ')
      }
      case 'recovering':
        return 'the disk has lost entries; this agent does not vote until it has them back'
      case 'recovered':
        return 'every entry that the disk had lost is back'
      case 'eraPassed':
        return `the mesh was recovered without this agent: its copy of the ledger is set aside, and it begins anew in era ${eraOf(event.term)}`
      case 'strangeStorage':
        return `${name(event.peer)} answers from another disk; it is to be admitted anew`
      case 'misbehaviour':
        return `${name(event.peer)} broke the rules of consensus: ${event.what}`
      case 'transferEnded':
        return `handing over to ${name(event.target)}: ${event.outcome}`
      default:
        return undefined
    }
  }
}

/** Of a ledger that has not even begun. */
const nowhere: Omit<LedgerRecord, 'storage'> = {
  leads: false,
  votes: false,
  term: 0,
  commit: 0,
  applied: 0,
  digest: '',
  stopped: true,
}

function whyStopped(reason: StopReason): string {
  switch (reason.kind) {
    case 'diskFailed':
      return reason.message
    case 'eraPassed':
      return `the mesh was recovered without it, and its copy is void in era ${reason.era}`
    case 'ledgerVersionUnsupported':
      return `it is of version ${reason.needs}, and this agent understands ${reason.supports}: upgrade it`
    case 'diverged': {
      const { index, ours, theirs } = reason
      return `its state at entry ${index} is ${ours}, and that of others ${theirs}: report it, this is a bug or bad memory; skein recover --reset, with this agent stopped, sets its copy aside`
    }
  }
}

function isSame(a: LedgerRecord, b: LedgerRecord): boolean {
  // What differs most often, before all the others are named.
  if (a.applied !== b.applied || a.commit !== b.commit) return false
  for (const [key, value] of Object.entries(a)) {
    if (key !== 'mark' && b[key as keyof LedgerRecord] !== value) return false
  }
  return a.mark?.index === b.mark?.index
}

function fieldsOf(event: RaftEvent): Record<string, string | number> {
  switch (event.kind) {
    case 'role':
      return { role: event.role, term: event.term, why: event.why }
    case 'config':
      return { index: event.index, voters: event.config.voters.length }
    default:
      return {}
  }
}
