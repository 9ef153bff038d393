/**
 * Hosts, what travels between them, and a driver that does what ready.ts of the core says, one step
 * at a time, printing each. The checkers of `test/consensus` look on: expected text can be
 * rewritten by mistake, a law cannot.
 */
import { chunkFrame, type Persist, type Ready } from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import { Checkers } from '../../simulations/consensus/checkers.ts'
import { describeTravel } from '../../simulations/readable/messages.ts'
import { describeReady } from '../../simulations/readable/ready.ts'
import type { Host } from './host.ts'
import { type Selection, type Travelling, Wire } from './wire.ts'

/** A core that is never done, or hosts that never fall silent, are an error of the scenario. */
const turnsMax = 1_000

export const nameOf = (id: PeerId): string => id

export class Stage {
  readonly hosts = new Map<PeerId, Host>()
  readonly wire = new Wire()
  private readonly checkers = new Checkers()
  private lines: string[] = []
  private nextRead = 1

  print(line: string): void {
    this.lines.push(line)
  }

  takeLines(): string[] {
    const { lines } = this
    this.lines = []
    return lines
  }

  get running(): Host[] {
    return [...this.hosts.values()].filter(({ raft }) => raft !== undefined)
  }

  start(host: Host): void {
    host.start()
    this.checkers.begins(host.id, host.machine.index)
    this.processReady(host)
  }

  /** Of the writes that were not safe, the first `kept` had reached the disk all the same. */
  crash(host: Host, kept: number): void {
    host.crash(kept)
    this.checkers.died(host.id)
  }

  // ── The driver ────────────────────────────────────────────────────────────────────────────────

  /** Everything that a host has to hand out, until it has nothing more. False when it had none. */
  processReady(host: Host): boolean {
    for (let turn = 0; turn < turnsMax; turn++) {
      const ready = host.running.takeReady()
      if (ready === undefined) {
        this.look(host)
        return turn > 0
      }
      this.print(`> ${host.id} is ready`)
      for (const line of describeReady(host.id, ready, nameOf)) this.print(`  ${line}`)
      this.carryOut(host, ready)
    }
    throw new Error(`${host.id} is never done`)
  }

  private carryOut(host: Host, ready: Ready): void {
    const { persist } = ready
    if (persist) this.shadow(host, persist)
    for (const event of ready.events)
      if (event.kind === 'role' && event.role === 'leader') {
        const member = { id: host.id, storage: host.disk.storage }
        this.checkers.elected(member, event.term, host.shadow, false)
      }
    // Before the write beside them is safe: what depends on it must not be here.
    for (const { to, frame } of ready.send) {
      this.checkers.promised(host.id, to, frame, host.disk)
      if (frame.kind === 'voteAnswer' && frame.value.granted)
        this.checkers.voted(`${host.id} disk ${host.disk.storage}`, frame.value.term, to)
      this.wire.send(host.id, to, frame)
    }
    for (const order of ready.chunks) {
      if (host.disk.snapshot.checksum !== order.snapshot.checksum) continue
      const data = host.disk.snapshotData.subarray(order.offset, order.offset + order.length)
      this.wire.send(host.id, order.to, chunkFrame(order, data))
    }
    this.apply(host, ready)
    this.answerReads(host, ready)
    if (persist === undefined) return
    host.writes.push({ persist })
    host.disk.write(host.writes.at(-1)!)
    if (!host.options.asyncDisk) this.processDisk(host)
  }

  private shadow(host: Host, persist: Persist): void {
    const { shadow } = host
    if (persist.snapshot) shadow.reset(persist.snapshot)
    shadow.truncateFrom(persist.firstIndex)
    persist.entries.forEach((entry, i) => {
      const index = persist.firstIndex + i
      this.checkers.appended(host.id, index, entry, shadow.termAt(index - 1) ?? -1)
      const before = shadow.config
      shadow.push(entry)
      if (shadow.config !== before) this.checkers.reconfigured(before.config, shadow.config.config)
    })
  }

  private apply(host: Host, ready: Ready): void {
    const { term } = host.running.status()
    for (const apply of ready.apply) {
      if (apply.kind === 'snapshot') {
        host.machine.restore(host.disk.snapshotData)
        this.checkers.begins(host.id, host.machine.index)
      } else
        apply.entries.forEach((entry, i) => {
          this.checkers.applied(host.id, apply.firstIndex + i, entry, term, host.disk)
          host.machine.apply(entry)
        })
      this.checkers.stateAt(host.id, host.machine.index, host.machine.digest)
    }
  }

  private answerReads(host: Host, ready: Ready): void {
    for (const { id } of ready.reads) {
      const floor = host.reads.get(id)
      if (floor === undefined)
        throw new Error(`${host.id} answers read ${id}, which nobody waits for`)
      host.reads.delete(id)
      this.checkers.read(host.id, floor, host.machine.index)
    }
    for (const { id } of ready.refusedReads) host.reads.delete(id)
  }

  private look(host: Host): void {
    const { commit, configIndex } = host.running.status()
    this.checkers.acts(host.id, configIndex, host.shadow)
    this.checkers.commitMoved(host.id, commit)
  }

  /** The oldest writes become safe, together. Returns how many. */
  processDisk(host: Host, countMax = Number.POSITIVE_INFINITY): number {
    const done = host.writes.splice(0, countMax)
    const last = done.at(-1)
    if (last === undefined) return 0
    host.disk.sync(last)
    host.running.persisted(last.persist.number, host.clockMs)
    if (host.options.asyncDisk) this.print(`> ${host.id} has written up to ${last.persist.number}`)
    return done.length
  }

  nextReadOf(host: Host): number {
    const id = this.nextRead++
    host.reads.set(id, this.checkers.commitMax)
    return id
  }

  // ── The network ───────────────────────────────────────────────────────────────────────────────

  /** Returns how many there were, delivered or lost. */
  deliver(selection: Selection, keep = false): number {
    const taken = this.wire.take(selection, keep)
    const host = this.hosts.get(selection.to)
    const arriving = taken.filter((message) => {
      const arrives = host?.raft !== undefined && !this.wire.isCut(message)
      if (!arrives) this.lost(message)
      return arrives
    })
    if (arriving.length > 0) this.print(`> ${selection.to} receives`)
    for (const { from, to, frame } of arriving) {
      this.print(`  ${describeTravel(from, to, frame, nameOf)}`)
      host!.running.receive(from, frame, host!.clockMs)
    }
    return taken.length
  }

  lose(selection: Selection): void {
    for (const message of this.wire.take(selection)) this.lost(message)
  }

  private lost({ from, to, frame }: Travelling): void {
    this.print(`lost ${describeTravel(from, to, frame, nameOf)}`)
  }

  // ── Together ──────────────────────────────────────────────────────────────────────────────────

  /** Outputs, messages and disks of these hosts, round after round, until nothing is left to do. */
  stabilize(hosts: readonly Host[]): void {
    for (let round = 0; round < turnsMax; round++) {
      let busy = false
      for (const host of hosts) if (host.raft && this.processReady(host)) busy = true
      for (const host of hosts) if (this.deliver({ to: host.id }) > 0) busy = true
      for (const host of hosts) if (host.raft && this.processDisk(host) > 0) busy = true
      if (!busy) return
    }
    throw new Error('these hosts never fall silent')
  }

  /** A host's time passes; it wakes when it has to, and hands out what it has then. */
  pass(host: Host, forMs: number): void {
    const end = host.clockMs + forMs
    for (let turn = 0; host.running.wakeAtMs <= end; turn++) {
      if (turn > turnsMax) throw new Error(`${host.id} never sleeps`)
      this.wake(host, host.running.wakeAtMs)
      this.processReady(host)
    }
    host.clockMs = end
  }

  wake(host: Host, atMs: number): void {
    host.clockMs = Math.max(host.clockMs, atMs)
    this.print(`> ${host.id} wakes at ${host.clockMs} ms`)
    host.running.tick(host.clockMs)
  }

  /** All hosts' time passes together, and whatever is sent arrives at once. */
  live(forMs: number): void {
    this.stabilize([...this.hosts.values()])
    for (let leftMs = forMs, turn = 0; turn < turnsMax; turn++) {
      const waits = this.running.map((host) => Math.max(0, host.running.wakeAtMs - host.clockMs))
      const stepMs = Math.min(leftMs, ...waits)
      for (const host of this.hosts.values()) host.clockMs += stepMs
      leftMs -= stepMs
      for (const host of this.running)
        if (host.running.wakeAtMs <= host.clockMs) this.wake(host, host.clockMs)
      this.stabilize([...this.hosts.values()])
      if (leftMs === 0) return
    }
    throw new Error('these hosts never sleep')
  }
}
