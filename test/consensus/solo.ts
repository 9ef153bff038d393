/** One core, and its peers played by hand: for what has to be said message by message. */
import { Raft } from '../../protocol/consensus/core.ts'
import { type Limits, limits, type Timing, timing } from '../../protocol/consensus/limits.ts'
import { type Entry, entryKind, type RaftFrame } from '../../protocol/consensus/messages.ts'
import type {
  ChunkOrder,
  Persist,
  RaftEvent,
  ReadState,
  Restored,
} from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { SeededEntropy } from '../../simulations/world/entropy.ts'

export const peer = (n: number) => `n${n}` as PeerId

export function entry(term: number, text = ''): Entry {
  return { term, kind: entryKind.normal, data: Buffer.from(text) }
}

export interface SoloOptions {
  voters?: number
  term?: number
  vote?: PeerId
  /** The terms of the entries on its disk. */
  log?: readonly number[]
  commit?: number
  promised?: { index: number; term: number }
  limits?: Partial<Limits>
  timing?: Partial<Timing>
  seed?: number
}

export class Solo {
  readonly raft: Raft
  private readonly timing: Timing
  now = 0
  readonly sent: { to: PeerId; frame: RaftFrame }[] = []
  readonly events: RaftEvent[] = []
  readonly reads: ReadState[] = []
  readonly refusedReads: number[] = []
  readonly applied: Entry[] = []
  readonly chunks: ChunkOrder[] = []
  /** Handed to the disk and not yet confirmed. */
  readonly writes: Persist[] = []
  /** Confirms every write at once. */
  quickDisk = true

  constructor(options: SoloOptions = {}) {
    this.timing = { ...timing, ...options.timing }
    const { voters = 3, term = 0, vote, log = [], commit = 0 } = options
    const restored: Restored = {
      hardState: {
        term,
        vote,
        commit,
        promised: options.promised ?? { index: log.length, term: log.at(-1) ?? 0 },
      },
      snapshot: {
        index: 0,
        term: 0,
        config: {
          voters: Array.from({ length: voters }, (_, i) => ({ id: peer(i + 1), storage: i + 1 })),
          outgoing: [],
          learners: [],
        },
        bytes: 0,
        checksum: '',
      },
      entries: log.map((t, i) => entry(t, `${i + 1}`)),
    }
    this.raft = new Raft(
      {
        id: peer(1),
        storage: 1,
        timing: this.timing,
        // All get all at once, unless a test is about who waits: `spare-peers.test.ts`.
        limits: { ...limits, spareMs: 0, ...options.limits },
      },
      restored,
      new SeededEntropy(options.seed ?? 1),
      0,
    )
    this.pump()
  }

  get status() {
    return this.raft.status()
  }

  pump(): void {
    for (let ready = this.raft.takeReady(); ready; ready = this.raft.takeReady()) {
      this.sent.push(...ready.send)
      this.events.push(...ready.events)
      this.chunks.push(...ready.chunks)
      this.reads.push(...ready.reads)
      this.refusedReads.push(...ready.refusedReads.map(({ id }) => id))
      for (const apply of ready.apply)
        if (apply.kind === 'entries') this.applied.push(...apply.entries)
      if (ready.persist) this.writes.push(ready.persist)
      if (this.quickDisk) this.confirm()
    }
  }

  confirm(): void {
    for (let write = this.writes.shift(); write; write = this.writes.shift())
      this.raft.persisted(write.number, this.now)
    if (!this.quickDisk) this.pump()
  }

  from(n: number, frame: RaftFrame): void {
    this.raft.receive(peer(n), frame, this.now)
    this.pump()
  }

  wait(ms: number): void {
    this.now += ms
    if (this.raft.wakeAtMs <= this.now) this.raft.tick(this.now)
    this.pump()
  }

  /** Waits without sleeping over a wake-up. */
  live(ms: number): void {
    const end = this.now + ms
    while (this.raft.wakeAtMs <= end) {
      this.now = Math.max(this.now, this.raft.wakeAtMs)
      this.raft.tick(this.now)
      this.pump()
    }
    this.now = end
  }

  take<K extends RaftFrame['kind']>(
    kind: K,
  ): { to: PeerId; value: Extract<RaftFrame, { kind: K }>['value'] }[] {
    const taken = this.sent.filter(({ frame }) => frame.kind === kind)
    this.sent.splice(0, this.sent.length, ...this.sent.filter(({ frame }) => frame.kind !== kind))
    return taken.map(({ to, frame }) => ({ to, value: frame.value as never }))
  }

  /** Stands and wins, with the votes of the second and, where it takes more, of those after it. */
  lead(votes = 1): void {
    this.live(this.timing.electionMs * 2)
    const { term } = this.status
    for (const kind of ['preVoteAnswer', 'voteAnswer'] as const) {
      for (let n = 2; n < 2 + votes; n++) {
        this.from(n, { kind, value: { term: term + 1, storage: n, granted: true } })
      }
    }
    if (this.status.role !== 'leader') throw new Error(`still ${this.status.role}`)
  }

  append(
    n: number,
    fields: {
      term: number
      prevIndex: number
      prevTerm: number
      terms?: number[]
      commit?: number
    },
  ): void {
    const { term, prevIndex, prevTerm, terms = [], commit = 0 } = fields
    const entries = terms.map((t, i) => entry(t, `${prevIndex + 1 + i}`))
    this.from(n, { kind: 'append', value: { term, prevIndex, prevTerm, commit, entries } })
  }

  accepted(n: number, index: number, term = this.status.term): void {
    this.from(n, {
      kind: 'appendAnswer',
      value: { term, storage: n, accepted: true, index, hintIndex: 0, hintTerm: 0, lost: false },
    })
  }

  heard(n: number, round: number, term = this.status.term): void {
    this.from(n, { kind: 'heartbeatAnswer', value: { term, storage: n, round, verified: 0 } })
  }
}
