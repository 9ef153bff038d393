/** Carries out what a core asks for, as `protocol/consensus/ready.ts` describes it, with every step checked. */
import type { RaftFrame } from '../../protocol/consensus/messages.ts'
import {
  type ChunkOrder,
  chunkFrame,
  type Persist,
  type Ready,
} from '../../protocol/consensus/ready.ts'
import type { PeerId } from '../../protocol/identity/peer-id.ts'
import type { SeededEntropy } from '../world/entropy.ts'
import type { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import { checksumOf } from './machine.ts'

export class Driver {
  readonly #cluster: Cluster
  readonly #disks: SeededEntropy
  #checked = 0

  constructor(cluster: Cluster, disks: SeededEntropy) {
    this.#cluster = cluster
    this.#disks = disks
  }

  pump(host: Host): void {
    this.#cluster.steps++
    const { raft } = host
    if (raft === undefined) return
    for (let turns = 0; ; turns++) {
      const ready = raft.takeReady()
      if (ready === undefined) break
      if (turns > 1_000) throw new Error('a core that is never done')
      this.#carryOut(host, ready)
    }
    const { commit, configIndex } = raft.status()
    this.#cluster.checkers.acts(host.id, configIndex, host.shadow)
    this.#checkCommit(host, this.#cluster.sabotage.commitSeen?.(commit) ?? commit)
    this.#scheduleWake(host)
  }

  #carryOut(host: Host, ready: Ready): void {
    this.#cluster.observe(host, ready)
    if (ready.persist) this.#persist(host, ready.persist)
    for (const event of ready.events) {
      this.#cluster.note(host, JSON.stringify(event))
      if (event.kind === 'role' && event.role === 'leader')
        this.#cluster.checkers.elected(
          this.#cluster.member(host.index + 1),
          event.term,
          host.shadow,
          this.#cluster.sabotage.trusting === true,
        )
      if (event.kind === 'snapshotDue') this.snapshot(host)
      if (
        event.kind === 'misbehaviour' &&
        event.what === 'divergence' &&
        !this.#cluster.sabotage.tamper
      )
        throw new Error(`${host.id} sees divergence`)
    }
    for (const { to, frame } of ready.send) {
      if (!this.#cluster.sabotage.trusting)
        this.#cluster.checkers.promised(host.id, to, frame, host.disk)
      if (frame.kind === 'voteAnswer' && frame.value.granted)
        this.#cluster.checkers.voted(`${host.id} disk ${host.disk.storage}`, frame.value.term, to)
      this.#send(host, to, frame)
    }
    for (const order of ready.chunks) this.#sendChunk(host, order)
    const term = host.raft?.status().term ?? 0
    for (const apply of ready.apply) {
      if (apply.kind === 'snapshot') {
        host.machine.restore(host.disk.snapshotData)
        this.#cluster.checkers.begins(host.id, host.machine.index)
      } else
        apply.entries.forEach((entry, i) => {
          if (host.machine.index !== apply.firstIndex + i - 1)
            throw new Error('applied out of turn')
          this.#cluster.checkers.applied(host.id, apply.firstIndex + i, entry, term, host.disk)
          host.machine.apply(entry)
          if (this.#cluster.sabotage.stutter && this.#disks.unit() < 0.02) host.machine.digest ^= 1
        })
      this.#cluster.checkers.stateAt(host.id, host.machine.index, host.machine.digest)
    }
    for (const { id } of ready.reads) {
      const read = host.reads.get(id)
      if (read === undefined) throw new Error('a read that nobody asked for')
      host.reads.delete(id)
      this.#cluster.answeredReads++
      this.#cluster.checkers.read(host.id, read.floor, host.machine.index)
    }
    for (const { id } of ready.refusedReads) {
      if (!host.reads.delete(id)) throw new Error('a read refused twice')
      this.#cluster.refusedReads++
    }
  }

  #persist(host: Host, persist: Persist): void {
    const { shadow, disk, life } = host
    if (persist.snapshot) {
      this.#cluster.checkers.installs(host.id, persist.snapshot, shadow)
      shadow.reset(persist.snapshot)
    }
    shadow.truncateFrom(persist.firstIndex)
    persist.entries.forEach((entry, i) => {
      const index = persist.firstIndex + i
      if (!this.#cluster.sabotage.trusting)
        this.#cluster.checkers.appended(host.id, index, entry, shadow.termAt(index - 1) ?? -1)
      const before = shadow.config
      shadow.push(entry)
      if (shadow.config !== before)
        this.#cluster.checkers.reconfigured(before.config, shadow.config.config)
    })
    const batch = { persist }
    disk.write(batch)
    const confirm = () => {
      if (host.life !== life) return
      this.#cluster.input(host, (raft, now) => raft.persisted(persist.number, now))
    }
    if (this.#cluster.sabotage.confirmEarly) this.#cluster.at(this.#cluster.now, confirm)
    this.#whenWritten(host, () => {
      if (persist.sync) disk.sync(batch)
      if (!this.#cluster.sabotage.confirmEarly) confirm()
    })
  }

  /** One sync at a time; what comes meanwhile shares the next. */
  #whenWritten(host: Host, done: () => void): void {
    host.writes.push(done)
    if (host.writes.length === host.writesUnderWay + 1 && host.writesUnderWay === 0)
      this.#beginSync(host)
  }

  #beginSync(host: Host): void {
    const { diskMinMs, diskMaxMs } = this.#cluster.wires.weather
    const { life } = host
    host.writesUnderWay = host.writes.length
    const takes = diskMinMs + (diskMaxMs - diskMinMs) * this.#disks.unit()
    this.#cluster.at(this.#cluster.now + takes, () => {
      if (host.life !== life) return
      const done = host.writes.splice(0, host.writesUnderWay)
      host.writesUnderWay = 0
      for (const act of done) if (host.life === life) act()
      if (host.writes.length > 0 && host.writesUnderWay === 0) this.#beginSync(host)
    })
  }

  snapshot(host: Host): void {
    const { raft, machine, disk } = host
    const position = raft?.snapshotPosition(machine.index)
    if (position === undefined) return
    const data = machine.snapshot()
    const meta = { ...position, bytes: data.length, checksum: checksumOf(data) }
    const batch = { own: meta, data }
    disk.write(batch)
    this.#whenWritten(host, () => {
      disk.sync(batch)
      host.raft?.snapshotTaken(meta)
      this.pump(host)
    })
  }

  #sendChunk(host: Host, order: ChunkOrder): void {
    const { disk } = host
    if (disk.snapshot.checksum !== order.snapshot.checksum) return
    const data = disk.snapshotData.subarray(order.offset, order.offset + order.length)
    this.#send(host, order.to, chunkFrame(order, data))
  }

  #scheduleWake(host: Host): void {
    if (host.raft === undefined) return
    const local = host.raft.wakeAtMs
    if (local === Number.POSITIVE_INFINITY) return
    const at = Math.max(this.#cluster.now, local / host.rate) + 0.001
    if (host.wakeAt <= at && host.wakeAt > this.#cluster.now) return
    host.wakeAt = at
    const { life } = host
    this.#cluster.at(at, () => {
      if (host.life !== life || host.wakeAt !== at) return
      host.wakeAt = Number.POSITIVE_INFINITY
      this.#cluster.input(host, (raft, now) => raft.tick(now))
    })
  }

  #send(host: Host, to: PeerId, frame: RaftFrame): void {
    const { sabotage, intercept, wires } = this.#cluster
    const sent = sabotage.tamper ? sabotage.tamper(host.id, to, frame, this.#cluster) : frame
    if (sent === undefined || !intercept(host.id, to, sent)) return
    wires.inject(host.id, to, sent)
  }

  #checkCommit(host: Host, commit: number): void {
    this.#cluster.checkers.commitMoved(host.id, commit)
    const { raft, shadow } = host
    if (raft && commit > this.#checked && host.leads) {
      const { config } = raft.status()
      for (let index = this.#checked + 1; index <= commit; index++) {
        const term = shadow.termAt(index)
        if (term === undefined || this.#cluster.sabotage.keepNumber) continue
        this.#cluster.checkers.durable(index, term, config, (id, storage) => {
          const holder = this.#cluster.byId.get(id)
          return holder?.disk.storage !== storage || holder.disk.held(index, term)
        })
      }
      this.#checked = commit
    }
    host.commit = commit
  }
}
