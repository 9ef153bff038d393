/** A host of a cluster: its disk, its core while it lives, and what the checkers know of it. */
import type { Raft, ReadMode } from '../../protocol/consensus/core.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { ShadowLog } from './checkers.ts'
import { Machine } from './machine.ts'
import type { SimDisk } from './sim-disk.ts'

export class Host {
  readonly id: PeerId
  readonly index: number
  disk: SimDisk
  raft: Raft | undefined
  life = 0
  machine = new Machine()
  shadow = new ShadowLog()
  commit = 0
  rate = 1
  damaged = false
  writes: (() => void)[] = []
  writesUnderWay = 0
  wakeAt = Number.POSITIVE_INFINITY
  reads = new Map<number, { floor: number; mode: ReadMode }>()

  constructor(id: PeerId, index: number, disk: SimDisk) {
    this.id = id
    this.index = index
    this.disk = disk
  }

  get leads(): boolean {
    return this.raft?.status().role === 'leader'
  }
}
