/**
 * The `Disk` port of one life of a host. Batches go down in order, and those that wait while one
 * group is being written go down together as the next, as in production.
 */
import { type Disk, DiskError, type DiskOp, type ScanRange } from '../../protocol/ports/disk.ts'
import { brieflyCopy } from '../../protocol/wire/slab.ts'
import type { HostCall } from './event.ts'
import type { Host } from './host.ts'
import type { Platter } from './platter.ts'

interface Waiting {
  batch: readonly DiskOp[]
  durable: boolean
  resolve: () => void
  reject: (error: DiskError) => void
}

export class DiskHandle implements Disk {
  private readonly host: Host
  private readonly platter: Platter
  private readonly life: number
  private queue: Waiting[] = []
  private group: Waiting[] = []
  private groupDoneAt: HostCall | undefined
  private groupStartedMs = 0
  private closing: Promise<void> | undefined
  private idleWaits: (() => void)[] = []

  constructor(host: Host) {
    this.host = host
    this.platter = host.platter
    this.life = host.life
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.refuseIfClosed()
    await this.wait('read')
    const value = this.platter.get(key)
    return value && brieflyCopy(value)
  }

  async write(batch: readonly DiskOp[], options: { durable: boolean }): Promise<void> {
    this.refuseIfClosed()
    // The caller may use its buffers again as soon as it has handed them over.
    const copy = batch.map((op) =>
      'put' in op ? { put: op.put, value: brieflyCopy(op.value) } : op,
    )
    await new Promise<void>((resolve, reject) => {
      // A life that is over writes nothing more, and nobody waits for it.
      if (this.life !== this.host.life) return
      this.enqueue({ batch: copy, durable: options.durable, resolve, reject })
    })
  }

  async *scan(range: ScanRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.refuseIfClosed()
    await this.wait('scan')
    for (const [key, value] of this.platter.slice(range)) yield [key, brieflyCopy(value)]
  }

  sync(): Promise<void> {
    return this.write([], { durable: true })
  }

  /** What is deleted and synced is in no state that a crash could bring back. */
  scrub(): Promise<void> {
    return this.sync()
  }

  close(): Promise<void> {
    this.closing ??= this.finish()
    return this.closing
  }

  private async finish(): Promise<void> {
    if (this.group.length > 0) await new Promise<void>((resolve) => this.idleWaits.push(resolve))
    if (this.life === this.host.life) this.platter.sync()
  }

  private enqueue(waiting: Waiting): void {
    const { nowMs } = this.host.world
    const idle = this.group.length === 0
    // Everything that is written at one instant goes down together.
    if (!idle && this.groupStartedMs !== nowMs) {
      this.queue.push(waiting)
      return
    }
    this.groupStartedMs = nowMs
    const durable = this.group.some((other) => other.durable)
    this.group.push(waiting)
    this.platter.underWay.push(waiting.batch)
    if (idle || (waiting.durable && !durable)) this.planGroup(waiting.durable)
  }

  private planGroup(durable: boolean): void {
    const { writeMs, syncMs } = this.platter.options
    if (this.groupDoneAt !== undefined) this.host.world.scheduler.cancel(this.groupDoneAt)
    const ms = this.platter.latencyMs(durable ? writeMs + syncMs : writeMs)
    this.groupDoneAt = this.host.later(ms, 'disk', durable ? 'synced' : 'written', () => {
      this.groupDone()
    })
  }

  private groupDone(): void {
    const { platter, group } = this
    this.groupDoneAt = undefined
    this.group = []
    platter.underWay = []
    let refused: DiskError | undefined
    for (const waiting of group) {
      const failure = refusedWith(refused, waiting) ?? platter.refusal(waiting.batch)
      if (failure === undefined) platter.apply(waiting.batch)
      else waiting.reject(failure)
      refused ??= failure
    }
    if (refused !== undefined) this.refuseWaiting(refused)
    if (group.some((waiting) => waiting.durable) && platter.fault === undefined) platter.sync()
    for (const waiting of group) waiting.resolve()
    this.nextGroup()
  }

  /** What was handed over before anybody could hear of the refusal may stand on what was refused. */
  private refuseWaiting(failure: DiskError): void {
    this.queue = this.queue.filter((waiting) => {
      const isRefused = refusedWith(failure, waiting) !== undefined
      if (isRefused) waiting.reject(failure)
      return !isRefused
    })
  }

  private nextGroup(): void {
    if (this.queue.length === 0) {
      for (const resolve of this.idleWaits.splice(0)) resolve()
      return
    }
    this.groupStartedMs = this.host.world.nowMs
    this.group = this.queue
    this.queue = []
    this.platter.underWay = this.group.map((waiting) => waiting.batch)
    this.planGroup(this.group.some((waiting) => waiting.durable))
  }

  private wait(what: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.life !== this.host.life) return
      this.host.later(this.platter.latencyMs(this.platter.options.readMs), 'disk', what, resolve)
    })
  }

  private refuseIfClosed(): void {
    if (this.closing !== undefined) throw new DiskError('closed', 'the disk is closed')
  }
}

/** What only deletes is taken even so: it is how room is made. */
function refusedWith(failure: DiskError | undefined, { batch }: Waiting): DiskError | undefined {
  return batch.some((op) => 'put' in op) ? failure : undefined
}
