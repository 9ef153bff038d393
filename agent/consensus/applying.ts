/**
 * Committed entries on their way into the state machine, in order, and the proposals that wait for
 * what becomes of them. A snapshot takes its time to load; what follows it waits behind it.
 */
import type { Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'
import type { Apply } from '../../protocol/consensus/ready.ts'
import { type Outcome, stoppedRefusal } from './outcomes.ts'
import type { StateMachine } from './state-machine.ts'
import type { ConsensusStore } from './store.ts'
import { verified } from './verified.ts'

interface Waiting<Result> {
  term: number
  count: number
  results: Result[]
  settle(outcome: Outcome<Result>): void
}

export class Applying<Result> {
  private readonly machine: StateMachine<Result>
  private readonly store: ConsensusStore
  private readonly onFailure: (error: unknown) => void
  /** Proposals by the index of their first entry. */
  private readonly waiting = new Map<number, Waiting<Result>>()
  /** The proposal whose entries are being applied, if it is one of this node's. */
  private current: { from: number; waiting: Waiting<Result> } | undefined
  private order = Promise.resolve()
  private queued = 0
  private applied: number
  private ended = false

  /** `applied`: the entry after which the machine's state stands. */
  constructor(
    machine: StateMachine<Result>,
    store: ConsensusStore,
    applied: number,
    onFailure: (error: unknown) => void,
  ) {
    this.machine = machine
    this.store = store
    this.applied = applied
    this.onFailure = onFailure
  }

  get index(): number {
    return this.applied
  }

  /** Somebody waits for what becomes of entries that are still to come. */
  get isAwaited(): boolean {
    return this.waiting.size > 0 || this.current !== undefined
  }

  /** Settles when `count` entries from `index` on are applied, or never can be. */
  outcomeOf(index: number, term: number, count: number): Promise<Outcome<Result>> {
    return new Promise((settle) => this.waiting.set(index, { term, count, results: [], settle }))
  }

  /** At once when nothing waits; else behind the snapshot that is being loaded. */
  enqueue(apply: readonly Apply[]): void {
    if (this.queued === 0 && apply.every(({ kind }) => kind === 'entries')) {
      try {
        for (const step of apply) if (step.kind === 'entries') this.applyEntries(step)
      } catch (error) {
        this.onFailure(error)
      }
      return
    }
    this.queued++
    this.order = this.order
      .then(async () => {
        for (const step of apply) {
          if (this.ended) return
          if (step.kind === 'snapshot') await this.load(step.snapshot)
          else this.applyEntries(step)
        }
      })
      .catch((error: unknown) => this.onFailure(error))
      .finally(() => {
        this.queued--
      })
  }

  /** Once all that was handed out so far is applied: at once, if it is. */
  afterwards(then: () => void): void {
    if (this.queued === 0) then()
    else void this.order.then(then)
  }

  async idle(): Promise<void> {
    await this.order
  }

  /** Nothing more is begun, and whoever waits is refused. */
  end(): void {
    this.ended = true
    for (const { settle } of this.waiting.values()) settle(stoppedRefusal)
    this.current?.waiting.settle(stoppedRefusal)
    this.waiting.clear()
  }

  private async load(snapshot: SnapshotMeta): Promise<void> {
    await this.machine.restore(snapshot, verified(snapshot, this.store.readSnapshot()))
    this.applied = snapshot.index
    this.leaveOpen()
    for (const [index, { settle }] of this.waiting) {
      if (index > snapshot.index) continue
      this.waiting.delete(index)
      settle({ ok: false, reason: 'unknown', leader: undefined })
    }
  }

  /** Of the proposal that is being applied, nobody can say any more what became of all of it. */
  private leaveOpen(): void {
    this.current?.waiting.settle({ ok: false, reason: 'unknown', leader: undefined })
    this.current = undefined
  }

  private applyEntries({ firstIndex, entries }: Extract<Apply, { kind: 'entries' }>): void {
    const results = this.machine.apply(firstIndex, entries)
    for (const [i, result] of results.entries()) {
      this.settle(firstIndex + i, entries[i] as Entry, result)
    }
    this.applied = firstIndex + entries.length - 1
  }

  private settle(index: number, entry: Entry, result: Result): void {
    // Another leader has cut it short: what came before took effect, and the rest never will.
    if (this.current?.waiting.term !== entry.term) this.leaveOpen()
    const begun = this.waiting.get(index)
    if (begun) {
      this.waiting.delete(index)
      if (begun.term !== entry.term) {
        begun.settle({ ok: false, reason: 'superseded', leader: undefined })
      } else this.current = { from: index, waiting: begun }
    }
    if (!this.current) return
    const { from, waiting } = this.current
    waiting.results.push(result)
    if (waiting.results.length < waiting.count) return
    this.current = undefined
    waiting.settle({ ok: true, index: from, results: waiting.results })
  }
}
