/**
 * This host's copy of the ledger: entries in, state and events out. Nothing is decided here; the
 * log says what comes, and the ledger's machine what it means.
 */
import type { Entry, SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { entryKind } from '../../protocol/consensus/messages.ts'
import { type DigestMark, DigestTrail } from '../../protocol/ledger/digest-trail.ts'
import { EventRing, type Resumed } from '../../protocol/ledger/event-ring.ts'
import type { Cursor, Telling } from '../../protocol/ledger/events.ts'
import { type CommittedEntry, machine } from '../../protocol/ledger/machine.ts'
import { isHeeded } from '../../protocol/ledger/namespaces.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import { type SnapshotProgress, SnapshotReader } from '../../protocol/ledger/snapshot-reader.ts'
import { writeSnapshot } from '../../protocol/ledger/snapshot-writer.ts'
import { genesis, type LedgerState } from '../../protocol/ledger/state.ts'
import type { StateMachine } from '../consensus/state-machine.ts'
import { framed, Unframer } from './frames.ts'
import type { LedgerWitness } from './witness.ts'

export interface Effect {
  result: Result
  repeated: boolean
}

/** The program is older than what the mesh has agreed to understand. */
export class LedgerTooNew extends Error {
  readonly needs: number
  readonly supports: number
  constructor(needs: number, supports: number) {
    super(`the ledger is of version ${needs}; this agent understands ${supports}: upgrade it`)
    this.name = 'LedgerTooNew'
    this.needs = needs
    this.supports = supports
  }
}

const nothing = new Uint8Array(0)

export class Replica implements StateMachine<Effect> {
  private current: LedgerState = genesis
  private ring = new EventRing(0)
  private readonly trail = new DigestTrail()
  /** Called after each step forward. */
  onStep: () => void = () => {}
  /** Called when there may be something new in the namespaces that agents heed. */
  onHeeded: () => void = () => {}
  private readonly witness: LedgerWitness | undefined

  constructor(witness?: LedgerWitness) {
    this.witness = witness
  }

  get state(): LedgerState {
    return this.current
  }

  get newestMark(): DigestMark | undefined {
    return this.trail.newest
  }

  /** What was held after that entry; undefined if it was not passed here, or long ago. */
  digestAt(index: number): string | undefined {
    return this.trail.digestAt(index)
  }

  apply(firstIndex: number, entries: readonly Entry[]): Effect[] {
    const effects: Effect[] = []
    let isNews = false
    const committed = entries.map((entry, i) => committedOf(firstIndex + i, entry))
    const run = machine.applyAll(this.current, committed, (tx, { result, repeated, told }) => {
      effects.push({ result, repeated })
      this.ring.push(tx.index, told)
      isNews ||= told.some(isToBeHeeded)
      this.trail.note(tx)
    })
    this.current = run.state
    if (run.kind === 'stopped') throw new LedgerTooNew(run.needs, run.supports)
    this.witness?.applied(firstIndex, entries, this.current)
    this.onStep()
    if (isNews) this.onHeeded()
    return effects
  }

  async restore(_: SnapshotMeta, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new SnapshotReader()
    const unframer = new Unframer()
    let progress: SnapshotProgress = { kind: 'more' }
    for await (const part of parts) {
      for (const chunk of unframer.push(part)) progress = reader.push(chunk)
    }
    if (progress.kind !== 'complete') {
      const why = progress.kind === 'refused' ? progress.why : 'it ends too early'
      throw new Error(`the snapshot of the ledger cannot be used: ${why}`)
    }
    this.current = progress.state
    this.ring = new EventRing(progress.state.index)
    this.trail.note(progress.state)
    this.witness?.restored(this.current)
    this.onStep()
    this.onHeeded()
  }

  *copy(): Iterable<Uint8Array> {
    for (const chunk of writeSnapshot(this.current)) yield framed(chunk)
  }

  resume(from: Cursor): Resumed {
    return this.ring.resume(from)
  }
}

function isToBeHeeded({ change }: Telling): boolean {
  return change.kind === 'kvPut' && isHeeded(change.namespace)
}

/** What consensus says to itself is an entry without effect. */
function committedOf(index: number, { term, kind, data }: Entry): CommittedEntry {
  return { index, term, payload: kind === entryKind.normal ? data : nothing }
}
