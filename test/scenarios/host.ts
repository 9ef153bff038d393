/** A host on the stage: its core, its disk and the clock that only commands move. */
import { Raft } from '../../protocol/consensus/core.ts'
import type { Limits, Timing } from '../../protocol/consensus/limits.ts'
import type { Config } from '../../protocol/consensus/messages.ts'
import type { Persist } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { ShadowLog } from '../../simulations/consensus/checkers.ts'
import { Machine } from '../../simulations/consensus/machine.ts'
import { SimDisk } from '../../simulations/consensus/sim-disk.ts'

export interface HostOptions {
  readonly timing: Timing
  readonly limits: Limits
  /** Writes wait until a command lets the disk do them. */
  readonly asyncDisk: boolean
  /** Every draw of a number between 0 and 1: with 0.5, a host stands after 1.5 election times. */
  readonly chance: number
}

/** Draws the same every time, so that a script can tell when something happens. */
class Fixed implements Entropy {
  private readonly host: Host
  constructor(host: Host) {
    this.host = host
  }
  stream(): Entropy {
    return this
  }
  /** Numbers of reads begin anew in each life. */
  uint32(): number {
    return this.host.life - 1
  }
  unit(): number {
    return this.host.chance
  }
  bytes(length: number): Uint8Array {
    return new Uint8Array(length)
  }
}

export class Host {
  readonly id: PeerId
  readonly options: HostOptions
  disk: SimDisk
  raft: Raft | undefined
  machine = new Machine()
  shadow = new ShadowLog()
  clockMs = 0
  life = 0
  chance: number
  /** Handed to the disk, not yet safe. */
  writes: { persist: Persist }[] = []
  /** The lowest index at which each of its reads may be answered. */
  readonly reads = new Map<number, number>()

  constructor(id: PeerId, storage: number, founders: Config, options: HostOptions) {
    this.id = id
    this.options = options
    this.chance = options.chance
    this.disk = new SimDisk(storage, founders)
  }

  get running(): Raft {
    if (this.raft === undefined) throw new Error(`${this.id} is not running`)
    return this.raft
  }

  start(): void {
    if (this.raft !== undefined) throw new Error(`${this.id} is running`)
    this.life++
    const restored = this.disk.restored()
    this.machine = new Machine()
    this.machine.restore(this.disk.snapshotData)
    this.shadow = new ShadowLog()
    this.shadow.reset(restored.snapshot)
    for (const entry of restored.entries) this.shadow.push(entry)
    const { timing, limits } = this.options
    const { storage } = this.disk
    this.raft = new Raft(
      { id: this.id, storage, timing, limits },
      restored,
      new Fixed(this),
      this.clockMs,
    )
  }

  /** Of the writes that were not safe, the first `kept` had reached the disk all the same. */
  crash(kept: number): void {
    this.raft = undefined
    this.writes = []
    this.reads.clear()
    this.disk.crash(() => kept)
  }
}
