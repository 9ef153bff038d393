/**
 * Brings every peer's log to equal the leader's. Nothing is sent while inputs come in: `flush` sends
 * what has gathered, so that many proposals travel as one append; and one append, made once, goes to
 * all who stand at the same place.
 *
 * Entries go at once to as many as are needed to commit them, to those that hold most of the log; the
 * others are sent what has gathered `spareMs` later, or when nothing has been committed for `stallMs`.
 * So a commit costs few frames when there is little to do, and under load the others get fewer and
 * larger ones. No answer counts for more than another's: whoever answers first makes the quorum.
 *
 * Appends and heartbeats carry the commit index. A peer that hears neither for `commitNoticeMs` after
 * a commit is sent a notice of its own: under load there are none, and at rest nobody waits long.
 */
import type { PeerId } from '../identity/peer-id.ts'
import { wireLimits } from './limits.ts'
import { entryBytes } from './log.ts'
import type { AppendAnswer, Entry, HeartbeatAnswer, RaftFrame } from './messages.ts'
import type { Node } from './node.ts'
import type { Progress } from './progress.ts'
import { majorityOf } from './quorum.ts'
import { chunksAtBeat, resendChunks, sendChunks } from './snapshot-sender.ts'

interface Made {
  readonly from: number
  readonly last: number
  readonly commit: number
  readonly frame: RaftFrame
  readonly count: number
  readonly bytes: number
}

export class Replication {
  private readonly node: Node
  private readonly peers: ReadonlyMap<PeerId, Progress>
  private made: Made | undefined = undefined
  /** Made once for all peers, as appends are. */
  private notice: Extract<RaftFrame, { kind: 'commitNotice' }> | undefined = undefined
  /** When the first of the notices that are owed has to go, or of the entries that wait. */
  noticeDueMs = Number.POSITIVE_INFINITY
  private commitSeen = 0
  /** Of `neededToCommit`, written over by each: it runs for every answer. */
  private readonly furthest: Progress[] = []
  /** Since when that has been the newest commit although there is more to commit; else never. */
  private stalledSinceMs = Number.POSITIVE_INFINITY

  constructor(node: Node, peers: ReadonlyMap<PeerId, Progress>) {
    this.node = node
    this.peers = peers
  }

  /** `telling`: nothing will follow soon, so what is committed is told at once. */
  flush(telling = false): void {
    this.noticeDueMs = Number.POSITIVE_INFINITY
    this.seeCommit()
    const needed = this.neededToCommit()
    for (const peer of this.peers.values()) {
      if (peer.state === 'probe') this.probe(peer)
      else if (peer.state === 'replicate') {
        if (needed?.includes(peer) === false && this.mayWait(peer)) continue
        this.stream(peer)
        if (peer.state === 'replicate') this.tellCommit(peer, telling)
      }
      if (peer.state === 'snapshot') sendChunks(this.node, peer)
    }
  }

  private seeCommit(): void {
    const { log, nowMs } = this.node
    if (log.commit === log.lastIndex) this.stalledSinceMs = Number.POSITIVE_INFINITY
    else if (log.commit !== this.commitSeen) this.stalledSinceMs = nowMs
    else this.stalledSinceMs = Math.min(this.stalledSinceMs, nowMs)
    this.commitSeen = log.commit
  }

  /** Undefined when all are, or nobody may wait. */
  private neededToCommit(): readonly Progress[] | undefined {
    const { id, config, limits } = this.node
    const { voters, outgoing } = config.quorum
    if (limits.spareMs === 0 || outgoing.size > 0) return undefined
    const ready = this.furthest
    ready.length = 0
    for (const voter of voters.ids) {
      const peer = this.peers.get(voter)
      if (peer?.state === 'replicate') insert(ready, peer)
    }
    const count = majorityOf(voters.size) - (voters.ids.includes(id) ? 1 : 0)
    if (ready.length < count) return undefined
    ready.length = count
    return ready
  }

  /** Not one that could not be sent anything later either: its answer is what is waited for. */
  private mayWait(peer: Progress): boolean {
    const { log, nowMs, limits } = this.node
    const isFree = !peer.inflights.full && peer.leavingUntilMs === undefined
    const lacks = peer.next <= log.lastIndex && isFree
    peer.spareDueMs = lacks
      ? Math.min(peer.spareDueMs, nowMs + limits.spareMs)
      : Number.POSITIVE_INFINITY
    if (!lacks) return false
    const dueMs = Math.min(peer.spareDueMs, this.stalledSinceMs + limits.stallMs)
    if (nowMs < dueMs) {
      this.noticeDueMs = Math.min(this.noticeDueMs, dueMs)
      return true
    }
    peer.spareDueMs = Number.POSITIVE_INFINITY
    return false
  }

  private probe(peer: Progress): void {
    if (peer.probeSent) return
    peer.probeSent = true
    const made = this.make(peer.next)
    if (made !== undefined) this.send(peer, made)
    else this.resortToSnapshot(peer)
  }

  private stream(peer: Progress): void {
    const { log } = this.node
    while (peer.next <= log.lastIndex && !peer.inflights.full) {
      const made = this.make(peer.next)
      if (made === undefined) return this.resortToSnapshot(peer)
      this.send(peer, made)
      peer.next += made.count
      peer.inflights.add(peer.next - 1, made.bytes)
    }
  }

  private tellCommit(peer: Progress, telling: boolean): void {
    const { log, outbox, term, nowMs, limits } = this.node
    if (peer.commitTold >= log.commit) {
      peer.noticeDueMs = Number.POSITIVE_INFINITY
      return
    }
    // Who leaves the mesh gets nothing more that could carry it.
    const now = telling || peer.leavingUntilMs !== undefined
    peer.noticeDueMs = Math.min(peer.noticeDueMs, now ? nowMs : nowMs + limits.commitNoticeMs)
    if (nowMs < peer.noticeDueMs) {
      this.noticeDueMs = Math.min(this.noticeDueMs, peer.noticeDueMs)
      return
    }
    peer.noticeDueMs = Number.POSITIVE_INFINITY
    peer.commitTold = log.commit
    if (this.notice?.value.commit !== log.commit)
      this.notice = { kind: 'commitNotice', value: { term, commit: log.commit } }
    outbox.sendNow(peer.id, this.notice)
  }

  private send(peer: Progress, made: Made): void {
    peer.commitTold = made.commit
    this.node.outbox.sendNow(peer.id, made.frame)
  }

  /** Undefined when what is to be sent is no longer in the log. */
  private make(from: number): Made | undefined {
    const { log, limits } = this.node
    const { made } = this
    if (made?.from === from && made.last === log.lastIndex && made.commit === log.commit)
      return made
    if (log.termAt(from - 1) === undefined) return undefined
    const entries = log.slice(
      from,
      log.lastIndex,
      limits.appendBytesMax,
      wireLimits.entriesPerAppendMax,
    )
    let bytes = 0
    for (const entry of entries) bytes += entryBytes(entry)
    this.made = {
      from,
      last: log.lastIndex,
      commit: log.commit,
      frame: this.frame(from, entries),
      count: entries.length,
      bytes,
    }
    return this.made
  }

  private frame(from: number, entries: Entry[]): RaftFrame {
    const { log, term } = this.node
    const prevIndex = from - 1
    const prevTerm = log.termAt(prevIndex) as number
    return {
      kind: 'append',
      value: { term, prevIndex, prevTerm, commit: log.commit, entries },
    }
  }

  /** Not to a peer that is silent: it would only be read from the disk. */
  private resortToSnapshot(peer: Progress): void {
    const { node } = this
    if (node.nowMs - peer.heardMs <= node.timing.electionMs) peer.becomeSnapshot(node.log.snapshot)
  }

  // ── Answers ───────────────────────────────────────────────────────────────────────────────────

  /** True when the peer holds more than was known. */
  answered(peer: Progress, answer: AppendAnswer): boolean {
    const { node } = this
    if (answer.index > node.log.lastIndex) {
      node.misbehaved(peer.id, 'impossibleAnswer')
      return false
    }
    if (!answer.accepted) {
      this.refused(peer, answer)
      return false
    }
    const news = peer.acknowledged(answer.index)
    if (peer.state === 'replicate') peer.inflights.freeTo(answer.index)
    else if (peer.state === 'probe') {
      // An old acknowledgement says nothing of where the logs meet now, unless it is the furthest.
      if (answer.index === peer.match) peer.becomeReplicate()
    } else if (news && node.log.termAt(peer.match) !== undefined) peer.becomeReplicate()
    return news
  }

  private refused(peer: Progress, { index, hintIndex, hintTerm, lost }: AppendAnswer): void {
    const { log } = this.node
    if (lost && hintIndex < peer.match) return peer.lost(hintIndex)
    const meet = log.lastWithin(Math.min(hintIndex, log.lastIndex), hintTerm)
    peer.refused(index, meet.index + 1)
  }

  heartbeatAnswered(peer: Progress, { verified }: HeartbeatAnswer): void {
    peer.probeSent = false
    if (peer.state === 'snapshot') return chunksAtBeat(peer)
    if (peer.state !== 'replicate') return
    if (peer.inflights.full) peer.inflights.freeFirst()
    const restarted = verified < peer.match
    const stuck = peer.match < peer.next - 1 && peer.match === peer.matchAtBeat
    peer.matchAtBeat = peer.match
    // An append without entries: its answer tells whether what was sent before has arrived.
    if ((restarted || stuck) && this.node.log.termAt(peer.next - 1) !== undefined)
      this.node.outbox.sendNow(peer.id, this.frame(peer.next, []))
  }

  /** A broken link takes what was on its way: find out where the logs meet. */
  unreachable(peer: Progress): void {
    if (peer.state === 'replicate') peer.becomeProbe()
  }

  reachable(peer: Progress): void {
    if (peer.state === 'snapshot') resendChunks(peer)
    else peer.becomeProbe()
  }
}

/** Behind all that hold as much: there are at most nine. */
function insert(furthestFirst: Progress[], peer: Progress): void {
  let at = furthestFirst.length
  furthestFirst.push(peer)
  while (at > 0 && (furthestFirst[at - 1] as Progress).match < peer.match) {
    furthestFirst[at] = furthestFirst[at - 1] as Progress
    at--
  }
  furthestFirst[at] = peer
}
