/**
 * What this agent saw happen, in order, numbered without gaps, kept across restarts. A follower
 * that names the last number it saw misses nothing and hears nothing twice, as long as it comes
 * back before the ring has turned.
 *
 * Invariant: an event is told only once it is written. Told first, its number could be given again
 * by the agent's next life, after a kill, and a follower would pass over that other event.
 */
import type { Clock } from '../../protocol/ports/clock.ts'
import type { Disk } from '../../protocol/ports/disk.ts'
import { within } from '../../protocol/ports/disk.ts'
import type { Log } from '../../protocol/ports/log.ts'

export interface JournalEvent {
  seq: number
  atMs: number
  kind: string
  node?: string
  name?: string
  text: string
  fields: Record<string, string | number | boolean>
}

export type NewEvent = Omit<JournalEvent, 'seq' | 'atMs'>

/** Events kept, in memory and on disk. */
export const JOURNAL_EVENTS_MAX = 1_000
/** Slack on disk before the tail is cut, so that not every event costs a delete. */
const CUT_AT = 200
const PREFIX = 'journal/'

const keyOf = (seq: number) => `${PREFIX}${String(seq).padStart(15, '0')}`

export class Journal {
  private readonly clock: Clock
  private readonly disk: Disk
  private readonly log: Log
  /** Those that may be told. */
  private events: JournalEvent[] = []
  /** Done when all that was recorded so far has been told. */
  private telling = Promise.resolve()
  private nextSeq = 1
  private kept = 0
  private readonly followers = new Set<(event: JournalEvent) => void>()

  constructor(ports: { clock: Clock; disk: Disk; log: Log }) {
    this.clock = ports.clock
    this.disk = ports.disk
    this.log = ports.log.child('journal')
  }

  async load(): Promise<void> {
    for await (const [, value] of this.disk.scan(within(PREFIX))) {
      this.events.push(JSON.parse(new TextDecoder().decode(value)) as JournalEvent)
    }
    this.kept = this.events.length
    this.nextSeq = (this.events.at(-1)?.seq ?? 0) + 1
    this.events = this.events.slice(-JOURNAL_EVENTS_MAX)
  }

  record(event: NewEvent): void {
    const recorded: JournalEvent = { seq: this.nextSeq++, atMs: this.clock.wall(), ...event }
    const kept = this.keep(recorded)
    this.telling = this.telling.then(() => kept).then(() => this.tell(recorded))
  }

  /** The newest number that was told; 0 before the first. */
  newestSeq(): number {
    return this.events.at(-1)?.seq ?? 0
  }

  /** Events after `since`, oldest first; at most the `last` newest of them. */
  past(since: number, last: number): JournalEvent[] {
    const newer = this.events.filter((event) => event.seq > since)
    return last === 0 ? [] : newer.slice(-last)
  }

  /** Calls for each event from now on, until the returned function is called. */
  follow(follower: (event: JournalEvent) => void): () => void {
    this.followers.add(follower)
    return () => this.followers.delete(follower)
  }

  private tell(event: JournalEvent): void {
    this.events.push(event)
    if (this.events.length > JOURNAL_EVENTS_MAX) this.events.shift()
    for (const follower of this.followers) follower(event)
  }

  private keep(event: JournalEvent): Promise<void> {
    const ops: Parameters<Disk['write']>[0] = [
      { put: keyOf(event.seq), value: new TextEncoder().encode(JSON.stringify(event)) },
    ]
    const cut: { del: string }[] = []
    if (++this.kept > JOURNAL_EVENTS_MAX + CUT_AT) {
      for (let i = 0; i < CUT_AT; i++) {
        cut.push({ del: keyOf(event.seq - this.kept + 1 + i) })
      }
      this.kept -= CUT_AT
    }
    return this.disk.write([...ops, ...cut], { durable: false }).catch((error: unknown) => {
      // It is told all the same: those who listen now are to hear of it, even if it is lost later.
      this.log.warn('event not kept', { kind: event.kind, why: String(error) })
    })
  }
}
