/**
 * Watches the voters of a mesh at work: what they write, say and count on, against what the disks
 * would still hold if all power were lost at this moment. A defect is seen here when it is done, and
 * not only when chance makes something of it.
 */
import { hardStateKey } from '../../agent/consensus/keys.ts'
import { HardRecord, unsealMessage } from '../../agent/consensus/records.ts'
import { configOf, noConfig } from '../../protocol/consensus/config.ts'
import type { LogView, Position } from '../../protocol/consensus/log.ts'
import { entryKind } from '../../protocol/consensus/messages.ts'
import type { Envelope, Persist, RaftEvent, Ready } from '../../protocol/consensus/ready.ts'
import type { CommittedLog } from '../checkers/committed-log.ts'
import { Conduct, type Standing, takesOver } from '../checkers/conduct.ts'
import { changesInTurn, overlaps } from '../checkers/configurations-overlap.ts'
import { LeaderCompleteness } from '../checkers/leader-completeness.ts'
import { LogMatching } from '../checkers/log-matching.ts'
import { keepsPromise, type SafeState } from '../checkers/promises-kept.ts'
import { QuorumEvidence } from '../checkers/quorum-evidence.ts'
import type { Violation } from '../checkers/violation.ts'
import type { Host } from '../world/host.ts'
import { hashOfBytes } from '../world/trace.ts'

/** What is known of one voter, in this life. */
interface Voter {
  readonly conduct: Conduct
  /** Its disk knew so much to be committed when it started. */
  readonly knownCommit: number
  begun: boolean
  leads: boolean
  /** The configuration in force there, and the one before. */
  config: Standing
  before: Standing
}

const nobody: Standing = { index: 0, config: noConfig }

export class Backstage {
  private readonly judge: (found: Violation | undefined) => void
  private readonly matching = new LogMatching()
  private readonly complete: LeaderCompleteness
  private readonly evidence = new QuorumEvidence()
  private readonly voters = new Map<Host, Voter>()
  /** Where the logs of candidates ended, by themselves and their terms. */
  private readonly claims = new Map<string, Position>()
  /** Entries whose quorum has been counted. */
  private counted = 0

  constructor(committed: CommittedLog, judge: (found: Violation | undefined) => void) {
    this.judge = judge
    this.complete = new LeaderCompleteness(committed)
  }

  started(host: Host): void {
    this.voters.set(host, {
      conduct: new Conduct(host.name),
      knownCommit: recordOf(host)?.commit ?? 0,
      begun: false,
      leads: false,
      config: nobody,
      before: nobody,
    })
  }

  follows(host: Host, ready: Ready, log: LogView): void {
    const voter = this.voters.get(host)
    if (!voter) return
    const { conduct } = voter
    if (!voter.begun) {
      voter.begun = true
      const { index, config } = log.snapshot
      voter.config = { index, config }
      this.judge(conduct.begins(log, voter.knownCommit))
    }
    for (const event of ready.events) this.heard(host, voter, log, event)
    if (ready.persist) this.writes(host, voter, ready.persist, log)
    const safe = safeStateOf(host)
    for (const envelope of ready.send) this.says(host, voter, log, safe, envelope)
    this.judge(conduct.applies(ready, safe))
    this.judge(conduct.commits(log))
    if (voter.leads) this.counts(host, voter, log, safe)
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
      case 'recovering':
      case 'recovered':
        return conduct.recovers(event.kind === 'recovering')
      case 'role': {
        const { role, term, why } = event
        if (voter.leads && why === 'removed') this.judge(conduct.retires(log, voter.config))
        voter.leads = role === 'leader'
        if (role !== 'follower') this.judge(conduct.stands(term))
        if (role === 'leader') this.leads(host, voter, log, term)
        return
      }
      default:
        return
    }
  }

  private leads(host: Host, voter: Voter, log: LogView, term: number): void {
    this.judge(this.evidence.elected(host.id, term, voter.config.config))
    const { firstIndex, lastIndex } = log
    const termAt = (index: number) => log.termAt(index)
    const snapshotIndex = firstIndex - 1
    this.judge(this.complete.observe({ host: host.name, term, snapshotIndex, lastIndex, termAt }))
  }

  private writes(host: Host, voter: Voter, persist: Persist, log: LogView): void {
    const { firstIndex, entries, hardState } = persist
    this.judge(takesOver(host.name, persist, voter.config))
    this.judge(voter.conduct.writes(persist, hardState.term))
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
    if (voter.leads) this.judge(changesInTurn(host.name, voter.before, index, term, log))
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
    if (frame.kind === 'voteRequest') {
      const { lastIndex, lastTerm } = frame.value
      this.claims.set(`${host.id} ${term}`, { index: lastIndex, term: lastTerm })
    } else if (frame.kind === 'voteAnswer' && frame.value.granted) {
      const { storage } = frame.value
      this.judge(this.evidence.voted({ id: host.id, storage }, term, to))
      const claim = this.claims.get(`${to} ${term}`)
      if (claim && safe.term === term) this.judge(voter.conduct.votes(to, term, claim, safe))
    } else if (frame.kind === 'appendAnswer' && frame.value.accepted) {
      const { storage, index } = frame.value
      this.evidence.acknowledged({ id: host.id, storage }, index, (at) => log.termAt(at))
      voter.conduct.vouches(term, index)
    }
  }

  private counts(host: Host, voter: Voter, log: LogView, { promised }: SafeState): void {
    const configs = [voter.config.config, voter.before.config]
    for (let index = this.counted + 1; index <= log.commit; index++) {
      const term = log.termAt(index)
      if (term === undefined) continue
      this.judge(this.evidence.committed(host.id, index, term, configs, promised.index))
    }
    this.counted = Math.max(this.counted, log.commit)
  }
}

function recordOf(host: Host): HardRecord | undefined {
  return unsealMessage(hardStateKey, HardRecord, host.platter.safe(hardStateKey))
}

function safeStateOf(host: Host): SafeState {
  const record = recordOf(host)
  if (!record) return { term: 0, vote: undefined, promised: { index: 0, term: 0 } }
  const { term, vote, promisedIndex, promisedTerm } = record
  return { term, vote, promised: { index: promisedIndex, term: promisedTerm } }
}
