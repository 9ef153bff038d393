/**
 * Watches the voters of a mesh at work: what they write, say and count on, against what the disks
 * would still hold if all power were lost at this moment. A defect is seen here when it is done, and
 * not only when chance makes something of it.
 */
import { hardStateKey, identityKey } from '../../agent/consensus/keys.ts'
import { HardRecord, Identity, unsealMessage } from '../../agent/consensus/records.ts'
import { configOf, noConfig } from '../../protocol/consensus/config.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import type { LogView, Position } from '../../protocol/consensus/log.ts'
import { entryKind } from '../../protocol/consensus/messages.ts'
import type {
  Envelope,
  HardState,
  Persist,
  RaftEvent,
  Ready,
} from '../../protocol/consensus/ready.ts'
import { ChunkWindow } from '../checkers/chunk-window.ts'
import type { CommittedLog } from '../checkers/committed-log.ts'
import { Conduct, type Standing, takesOver } from '../checkers/conduct.ts'
import { changesInTurn, overlaps } from '../checkers/configurations-overlap.ts'
import { LeaderCompleteness } from '../checkers/leader-completeness.ts'
import { LogMatching } from '../checkers/log-matching.ts'
import { keepsPromise, type SafeState } from '../checkers/promises-kept.ts'
import { QuorumEvidence } from '../checkers/quorum-evidence.ts'
import { type Violation, violation } from '../checkers/violation.ts'
import type { Host } from '../world/host.ts'
import { hashOfBytes } from '../world/trace.ts'
import type { Moment } from './fault.ts'
import { simulatedLedgerLimits } from './limits.ts'

/** What is known of one voter, in this life. */
interface Voter {
  readonly conduct: Conduct
  /** What its disk had when it started. */
  readonly kept: HardState
  begun: boolean
  /** The term that it leads. */
  reign: number | undefined
  /** It stands without having been told that it would be voted for. */
  unasked: Violation | undefined
  /** The configuration in force there, and the one before. */
  config: Standing
  before: Standing
  /** The record of its hard state that was read last. */
  safe: { readonly bytes: Uint8Array | undefined; readonly state: HardState }
}

export interface Listening {
  judge(found: Violation | undefined): void
  notice(moment: Moment, host: Host): void
}

const nobody: Standing = { index: 0, config: noConfig }
const nothing: HardState = {
  term: 0,
  vote: undefined,
  commit: 0,
  promised: { index: 0, term: 0 },
}

export class Backstage {
  private readonly judge: Listening['judge']
  private readonly notice: Listening['notice']
  private readonly matching = new LogMatching()
  private readonly complete: LeaderCompleteness
  private readonly evidence = new QuorumEvidence()
  private readonly chunks: ChunkWindow
  /** Which of the disks that a host had in turn goes by that number. */
  private readonly disks = new Map<Host, Map<number, number>>()
  private readonly voters = new Map<Host, Voter>()
  /** Where the logs of candidates ended, by themselves and their terms. */
  private readonly claims = new Map<string, Position>()

  constructor(
    committed: CommittedLog,
    { judge, notice }: Listening,
    { snapshotChunkBytes, snapshotChunksInflightMax }: Limits = simulatedLedgerLimits,
  ) {
    this.judge = judge
    this.notice = notice
    this.chunks = new ChunkWindow(snapshotChunkBytes * snapshotChunksInflightMax)
    this.complete = new LeaderCompleteness(committed)
  }

  started(host: Host): void {
    // A disk that has lost its number is another one from here on.
    const { platter } = host
    const known = unsealMessage(identityKey, Identity, platter.held(identityKey))
    const kept = known ? stateIn(platter.held(hardStateKey)) : nothing
    this.voters.set(host, {
      conduct: new Conduct(host.name, kept),
      kept,
      begun: false,
      reign: undefined,
      unasked: undefined,
      config: nobody,
      before: nobody,
      safe: { bytes: undefined, state: nothing },
    })
  }

  follows(host: Host, ready: Ready, log: LogView): void {
    const voter = this.voters.get(host)
    if (!voter) return
    const { conduct, reign } = voter
    if (!voter.begun) this.begins(host, voter, ready, log)
    const config = voter.config
    for (const event of ready.events) this.heard(host, voter, log, event)
    if (ready.persist) this.writes(host, voter, ready.persist, log)
    const safe = safeStateOf(host, voter)
    for (const envelope of ready.send) this.says(host, voter, log, safe, envelope)
    for (const order of ready.chunks) this.judge(this.chunks.sends(host.name, order))
    this.judge(conduct.applies(ready, safe))
    const counts = reign !== undefined && reign === voter.reign && log.commit > conduct.commit
    this.judge(conduct.commits(log, counts ? reign : undefined))
    if (!counts) return
    // It may have counted before who decides has changed.
    const before = config.index === voter.config.index ? nobody : config
    const configs = [voter.config.config, before.config]
    const { index } = safe.promised
    this.judge(this.evidence.committed(host.id, reign, log.commit, configs, index))
  }

  private begins(host: Host, voter: Voter, { events, persist }: Ready, log: LogView): void {
    voter.begun = true
    const { index, config } = log.snapshot
    voter.config = { index, config }
    voter.conduct.recovers(events.some(({ kind }) => kind === 'recovering'))
    // What it is about to write was no part of it when it began, and what that replaces is not seen.
    const writes = persist !== undefined && persist.entries.length > 0
    if (writes && persist.firstIndex <= voter.kept.promised.index) return
    const lastIndex = writes ? persist.firstIndex - 1 : log.lastIndex
    this.judge(voter.conduct.begins(log, voter.kept, host.platter.harmed, lastIndex))
  }

  private heard(host: Host, voter: Voter, log: LogView, event: RaftEvent): void {
    const { conduct } = voter
    switch (event.kind) {
      case 'config': {
        const { index, config } = event
        voter.before = index > voter.config.index ? voter.config : nobody
        voter.config = { index, config }
        return
      }
      case 'snapshotDue':
        return this.notice('compacts', host)
      case 'recovering':
      case 'recovered':
        return conduct.recovers(event.kind === 'recovering')
      case 'role': {
        const { role, term, why } = event
        if (voter.reign !== undefined && why === 'removed')
          this.judge(conduct.retires(log, voter.config))
        voter.reign = role === 'leader' ? term : undefined
        if (role !== 'follower') this.judge(conduct.stands(term))
        if (role === 'leader') this.leads(host, voter, log, term)
        else if (role === 'candidate') {
          voter.unasked = this.evidence.stands(host.id, term, voter.config.config)
          this.notice('stands', host)
        }
        return
      }
      default:
        return
    }
  }

  private leads(host: Host, voter: Voter, log: LogView, term: number): void {
    this.notice('leads', host)
    this.judge(this.evidence.elected(host.id, term, voter.config.config))
    const { firstIndex, lastIndex } = log
    const termAt = (index: number) => log.termAt(index)
    const snapshotIndex = firstIndex - 1
    this.judge(this.complete.observe({ host: host.name, term, snapshotIndex, lastIndex, termAt }))
  }

  private writes(host: Host, voter: Voter, persist: Persist, log: LogView): void {
    const { firstIndex, entries, hardState } = persist
    if (persist.snapshot) this.notice('installs', host)
    if (voter.reign !== undefined && entries.length > 0) this.notice('proposes', host)
    this.judge(takesOver(host.name, persist, voter.config))
    this.judge(voter.conduct.writes(persist))
    this.judge(voter.conduct.keeps(log, hardState.term))
    let previousTerm = log.termAt(firstIndex - 1)
    for (const [i, { term, data, kind }] of entries.entries()) {
      const index = firstIndex + i
      if (previousTerm !== undefined) {
        const hash = hashOfBytes(data) + kind
        this.judge(this.matching.observe({ host: host.name, index, term, hash, previousTerm }))
      }
      previousTerm = term
      if (kind === entryKind.config) this.reconfigures(host, voter, log, index, term, data)
    }
  }

  /** Of several at once, the last is looked at: the others are in other logs as well. */
  private reconfigures(
    host: Host,
    voter: Voter,
    log: LogView,
    index: number,
    term: number,
    data: Uint8Array,
  ): void {
    const config = configOf(data)
    if (!config || index !== voter.config.index) return
    this.judge(overlaps(voter.before.config, config))
    if (voter.reign === undefined) return
    this.notice('reconfigures', host)
    this.judge(changesInTurn(host.name, voter.before, index, term, log))
  }

  private says(
    host: Host,
    voter: Voter,
    log: LogView,
    safe: SafeState,
    { to, frame }: Envelope,
  ): void {
    this.judge(keepsPromise(host.name, to, frame, log, safe))
    const { term } = frame.value
    if ('storage' in frame.value) this.answersFrom(host, frame.value.storage)
    switch (frame.kind) {
      case 'preVoteAnswer': {
        const { storage, granted } = frame.value
        if (granted) this.evidence.wouldVote({ id: host.id, storage }, term, to)
        return
      }
      case 'voteRequest': {
        const { lastIndex, lastTerm, handover } = frame.value
        if (!handover) this.judge(voter.unasked)
        this.claims.set(`${host.id} ${term}`, { index: lastIndex, term: lastTerm })
        return
      }
      case 'voteAnswer': {
        const { storage, granted } = frame.value
        if (!granted) return
        this.notice('votes', host)
        this.judge(this.evidence.voted({ id: host.id, storage }, term, to))
        const claim = this.claims.get(`${to} ${term}`)
        if (claim && safe.term === term) this.judge(voter.conduct.votes(to, term, claim, safe))
        return
      }
      case 'appendAnswer': {
        const { storage, accepted, index } = frame.value
        if (!accepted) return
        this.notice('acknowledges', host)
        this.evidence.acknowledged({ id: host.id, storage }, term, index)
        return voter.conduct.vouches(term, index)
      }
      case 'chunkAnswer': {
        const { snapshotIndex, nextOffset } = frame.value
        return this.chunks.answers(host.id, term, snapshotIndex, nextOffset)
      }
      default:
        return
    }
  }

  /** Promises are known by the number of the disk: no two disks of a host may share one. */
  private answersFrom(host: Host, storage: number): void {
    const { generation } = host.platter
    const disks = this.disks.get(host) ?? new Map<number, number>()
    if (disks.size === 0) this.disks.set(host, disks)
    const known = disks.get(storage) ?? generation
    disks.set(storage, known)
    if (known !== generation)
      this.judge(
        violation('a new disk has a new number', `${host.name} answers as ${storage} once more`),
      )
  }
}

/** What a loss of power would leave, at this moment. It is looked at far more often than written. */
function safeStateOf({ platter }: Host, voter: Voter): HardState {
  const bytes = platter.safe(hardStateKey)
  // A disk puts other bytes in the place of what it holds, and never changes them.
  if (bytes !== voter.safe.bytes) voter.safe = { bytes, state: stateIn(bytes) }
  return voter.safe.state
}

function stateIn(bytes: Uint8Array | undefined): HardState {
  const record = unsealMessage(hardStateKey, HardRecord, bytes)
  if (!record) return nothing
  const { term, vote, commit, promisedIndex, promisedTerm } = record
  return { term, vote, commit, promised: { index: promisedIndex, term: promisedTerm } }
}
