/**
 * What lies between every two hosts, each direction by itself: how long a parcel takes, whether it
 * is lost, and whether the way is cut. Who cuts it and when is for `faults.ts` and for tests.
 */
import { assert } from '../../protocol/assert.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import { quickUnit } from './entropy.ts'
import type { Host } from './host.ts'
import { tcp } from './limits.ts'
import { hashOfText } from './trace.ts'
import type { World } from './world.ts'

export interface LinkQuality {
  /** One way, at best. */
  latencyMs: number
  /** Added on top, evenly spread. */
  jitterMs: number
  /** Share of parcels that are much later, and how much on average (exponentially spread). */
  tailShare: number
  tailMs: number
  bytesPerSecond: number
  /**
   * What loss means. `retransmit` is TCP: a lost parcel comes late and holds up all behind it.
   * `drop` is what the port allows and TCP never does: a lost frame is gone, and the next arrives.
   * Handshakes and the ends of streams are always retransmitted.
   */
  lossMode: 'retransmit' | 'drop'
  /** Share of parcels lost. */
  loss: number
  /** Share of frames that arrive twice, or out of order. Beyond the port's contract: `drop` only. */
  duplicates: number
  reorders: number
}

/** Two machines in one rack. */
export const localLink: LinkQuality = {
  latencyMs: 0.25,
  jitterMs: 0.25,
  tailShare: 0.002,
  tailMs: 5,
  bytesPerSecond: 125e6,
  lossMode: 'retransmit',
  loss: 0,
  duplicates: 0,
  reorders: 0,
}

/** One direction between two hosts. */
export class Wire {
  readonly from: Host
  readonly to: Host
  quality: LinkQuality
  /** Undefined while it is whole. */
  cutSinceMs: number | undefined
  private readonly entropy: Entropy
  private busyUntilMs = 0

  constructor(from: Host, to: Host, quality: LinkQuality, entropy: Entropy) {
    this.from = from
    this.to = to
    this.quality = quality
    this.entropy = entropy
  }

  get cut(): boolean {
    return this.cutSinceMs !== undefined
  }

  /** From now until so many bytes, sent now, have arrived. A slow link makes them queue. */
  transitMs(bytes: number, nowMs: number): number {
    const { latencyMs, jitterMs, tailShare, tailMs, bytesPerSecond } = this.quality
    const startMs = Math.max(this.busyUntilMs, nowMs)
    this.busyUntilMs = startMs + (bytes * 1000) / bytesPerSecond
    let ms = this.busyUntilMs - nowMs + latencyMs + jitterMs * quickUnit(this.entropy)
    if (tailShare > 0 && this.chance(tailShare)) {
      ms -= tailMs * Math.log(1 - quickUnit(this.entropy))
    }
    return ms
  }

  /** What losing it, perhaps again and again, adds until it is through. */
  retransmissionMs(): number {
    let addedMs = 0
    let waitMs: number = tcp.retransmitFirstMs
    while (this.chance(this.quality.loss)) {
      addedMs += waitMs
      waitMs = Math.min(2 * waitMs, tcp.retransmitMostMs)
    }
    return addedMs
  }

  /** True in this share of the cases. Nothing is drawn for what never happens. */
  chance(share: number): boolean {
    return share > 0 && quickUnit(this.entropy) < share
  }
}

export class Wires {
  private readonly world: World
  private readonly entropy: Entropy
  private readonly quality: LinkQuality
  private readonly rows: Wire[][] = []

  constructor(world: World, quality: Partial<LinkQuality>) {
    this.world = world
    this.entropy = world.entropy.stream('wires')
    this.quality = lawful({ ...localLink, ...quality })
  }

  between(from: Host, to: Host): Wire {
    let row = this.rows[from.index]
    if (row === undefined) this.rows[from.index] = row = []
    let wire = row[to.index]
    if (wire === undefined) row[to.index] = wire = new Wire(from, to, this.quality, this.entropy)
    return wire
  }

  /** Changes one direction, from the next parcel on. */
  setQuality(from: Host, to: Host, change: Partial<LinkQuality>): void {
    const wire = this.between(from, to)
    wire.quality = lawful({ ...wire.quality, ...change })
    this.note(`link ${from.name} to ${to.name} ${JSON.stringify(change)}`)
  }

  /** As it was in the beginning, but for this. */
  restore(from: Host, to: Host, change: Partial<LinkQuality>): void {
    this.between(from, to).quality = lawful({ ...this.quality, ...change })
  }

  /**
   * Cuts one direction, without a word to anybody. Parcels under way vanish with it or, under
   * `retransmit`, wait to be sent again when it heals.
   */
  cut(from: Host, to: Host): void {
    const wire = this.between(from, to)
    if (wire.cut || from === to) return
    wire.cutSinceMs = this.world.nowMs
    this.note(`cut ${from.name} to ${to.name}`)
    from.network?.watchSilence(to)
    to.network?.watchSilence(from)
  }

  heal(from: Host, to: Host): void {
    const wire = this.between(from, to)
    if (!wire.cut) return
    wire.cutSinceMs = undefined
    this.note(`heal ${from.name} to ${to.name}`)
  }

  healAll(): void {
    for (const row of this.rows) {
      for (const wire of row ?? []) if (wire?.cut) this.heal(wire.from, wire.to)
    }
  }

  private note(what: string): void {
    const { trace, nowMs } = this.world
    trace.event(nowMs, -1, 'wire', hashOfText(what))
    trace.sink?.({ atMs: nowMs, host: '', kind: 'wire', text: what })
  }
}

function lawful(quality: LinkQuality): LinkQuality {
  const { lossMode, loss, duplicates, reorders, bytesPerSecond } = quality
  assert(loss >= 0 && loss < 1, 'some parcels arrive', { loss })
  assert(bytesPerSecond > 0, 'a link carries something', { bytesPerSecond })
  assert(
    lossMode === 'drop' || (duplicates === 0 && reorders === 0),
    'TCP neither doubles nor reorders what it carries: use lossMode drop',
    { duplicates, reorders },
  )
  return quality
}
