/**
 * Where everything waits that leaves the core. A message that promises something waits until the
 * disk has confirmed the write that it depends on, and only then becomes visible to the driver: an
 * early answer is not forbidden, it is out of reach.
 */
import type { PeerId } from '../identity/peer-id.ts'
import type { RaftFrame } from './messages.ts'
import type {
  ChunkOrder,
  Envelope,
  RaftEvent,
  ReadState,
  Ready,
  RefusedRead,
  StagedChunk,
} from './ready.ts'

/** What most turns of a node have of most things. Nobody puts anything in it. */
export const nothing: readonly never[] = []

interface Held extends Envelope {
  readonly after: number
}

export class Outbox {
  send: Envelope[] = []
  chunks: ChunkOrder[] = []
  staged: StagedChunk[] = []
  events: RaftEvent[] = []
  refusedReads: RefusedRead[] = []
  /** Reads that are confirmed, and wait for their index to be applied. In no order. */
  confirmedReads: ReadState[] = []
  /** Two queues, each in order of the writes waited for: those for a term, and those for the log. */
  private afterTerm: Held[] = []
  private afterLog: Held[] = []
  /** The write that will carry, or carried, the newest term and vote; and the newest entries. */
  private termWrite = 0
  private logWrite = 0
  private confirmed = 0
  private nextWrite = 1

  /** Term or vote has changed: the next write carries them. */
  termChanged(): void {
    this.termWrite = this.nextWrite
  }

  logChanged(): void {
    this.logWrite = this.nextWrite
  }

  get termIsUnwritten(): boolean {
    return this.termWrite === this.nextWrite
  }

  takeWriteNumber(): number {
    return this.nextWrite++
  }

  get newestWrite(): number {
    return this.nextWrite - 1
  }

  get newestConfirmed(): number {
    return this.confirmed
  }

  /** From a leader, whose term and vote are on its disk, or it would not lead. */
  sendNow(to: PeerId, frame: RaftFrame): void {
    this.send.push({ to, frame })
  }

  /** Promises nothing of the log, but is said in a term. */
  sendAfterTerm(to: PeerId, frame: RaftFrame): void {
    if (this.termWrite <= this.confirmed) this.send.push({ to, frame })
    else this.afterTerm.push({ to, frame, after: this.termWrite })
  }

  /** Promises what the log holds, or a vote that was weighed against it. */
  sendAfterLog(to: PeerId, frame: RaftFrame): void {
    const after = Math.max(this.termWrite, this.logWrite)
    if (after <= this.confirmed) this.send.push({ to, frame })
    else this.afterLog.push({ to, frame, after })
  }

  /** Writes up to `number` are safe. What waited for them may go; what is for `self` is returned. */
  written(number: number, self: PeerId): RaftFrame[] {
    this.confirmed = number
    const own: RaftFrame[] = []
    this.afterTerm = this.release(this.afterTerm, self, own)
    this.afterLog = this.release(this.afterLog, self, own)
    return own
  }

  private release(queue: Held[], self: PeerId, own: RaftFrame[]): Held[] {
    let ready = 0
    while (ready < queue.length && (queue[ready] as Held).after <= this.confirmed) {
      const { to, frame } = queue[ready++] as Held
      if (to === self) own.push(frame)
      else this.send.push({ to, frame })
    }
    return ready === 0 ? queue : queue.slice(ready)
  }

  event(event: RaftEvent): void {
    this.events.push(event)
  }

  /** Confirmed reads whose index has been handed out to be applied. */
  takeReads(appliedIndex: number): readonly ReadState[] {
    if (this.confirmedReads.length === 0) return nothing
    const due = this.confirmedReads.filter(({ index }) => index <= appliedIndex)
    if (due.length > 0)
      this.confirmedReads = this.confirmedReads.filter(({ index }) => index > appliedIndex)
    return due
  }

  get hasNoRest(): boolean {
    const { send, chunks, refusedReads, events } = this
    return (
      send.length === 0 && chunks.length === 0 && refusedReads.length === 0 && events.length === 0
    )
  }

  takeRest(): Pick<Ready, 'send' | 'chunks' | 'refusedReads' | 'events'> {
    const { send, chunks, refusedReads, events } = this
    if (send.length > 0) this.send = []
    if (chunks.length > 0) this.chunks = []
    if (refusedReads.length > 0) this.refusedReads = []
    if (events.length > 0) this.events = []
    return {
      send: send.length > 0 ? send : nothing,
      chunks: chunks.length > 0 ? chunks : nothing,
      refusedReads: refusedReads.length > 0 ? refusedReads : nothing,
      events: events.length > 0 ? events : nothing,
    }
  }
}
