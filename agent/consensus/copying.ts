/**
 * Copies of the state: to the disk, from where the log is then cut, and piece by piece to peers that
 * are too far behind for the log. None while the state is in doubt: a copy would spread what is wrong.
 */
import type { SnapshotMeta } from '../../protocol/consensus/messages.ts'
import { type ChunkOrder, chunkFrame } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Log } from '../../protocol/ports/log.ts'
import type { StateMachine } from './state-machine.ts'
import type { ConsensusStore, SnapshotPosition } from './store.ts'

export interface CopyingOwner {
  readonly log: Log
  /** Whether the state may be copied now. */
  mayCopy(): boolean
  /** Nothing is being applied any more, for the moment. */
  settled(): Promise<void>
  /** Where a copy of the state as it is now would stand. */
  position(): SnapshotPosition | undefined
  saved(snapshot: SnapshotMeta): void
  failed(error: unknown): void
  send(to: PeerId, frame: ReturnType<typeof chunkFrame>): void
}

export class Copying {
  private readonly owner: CopyingOwner
  private readonly store: ConsensusStore
  private readonly machine: StateMachine<unknown>
  private saving: Promise<void> | undefined

  constructor(owner: CopyingOwner, store: ConsensusStore, machine: StateMachine<unknown>) {
    this.owner = owner
    this.store = store
    this.machine = machine
  }

  /** To the disk, unless that is being done already. What cannot be done now is asked for again. */
  save(): void {
    this.saving ??= this.saveNow()
  }

  async idle(): Promise<void> {
    await this.saving
  }

  private async saveNow(): Promise<void> {
    const { owner } = this
    try {
      await owner.settled()
      const position = owner.mayCopy() ? owner.position() : undefined
      if (!position) return
      // In the same turn: the state is the one of that position.
      owner.saved(await this.store.saveSnapshot(position, this.machine.copy()))
    } catch (error) {
      owner.failed(error)
    } finally {
      this.saving = undefined
    }
  }

  /** A piece that is not sent is asked for again. */
  async send(order: ChunkOrder): Promise<void> {
    if (!this.owner.mayCopy()) return
    try {
      const { to, snapshot, offset, length } = order
      const data = await this.store.readChunk(snapshot, offset, length)
      if (data) this.owner.send(to, chunkFrame(order, data))
    } catch (error) {
      this.owner.log.warn('a piece of the snapshot was not read', { why: String(error) })
    }
  }
}
