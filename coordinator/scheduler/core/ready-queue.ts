/**
 * Units that an agent could take up, in their order. Those that ask for the same stand in one line:
 * when there is no room for the first of a line, there is none for the others, and nobody of it is
 * looked at until room comes. Those with demands of their own stand by themselves, and some of them
 * are tried each time.
 */
import type { PlacementRequest } from '../../placement/policy.ts'
import { Heap } from './heap.ts'
import { schedulerLimits } from './limits.ts'
import type { Unit } from './run.ts'

interface Line {
  readonly request: PlacementRequest
  readonly units: Heap<Unit>
  /** There was no room at this count of changes. */
  blockedAt: number
}

export function precedes(a: Unit, b: Unit): boolean {
  if (a.urgency !== b.urgency) return a.urgency < b.urgency
  if (a.run !== b.run) return a.run.order < b.run.order
  return b.plan.rank - a.plan.rank < 0 || (a.plan.rank === b.plan.rank && a.item < b.item)
}

export class ReadyQueue {
  private readonly lines = new Map<string, Line>()
  private readonly particular = new Heap<Unit>(precedes)
  /** Tried in vain; tried again when something has changed, the first of them first. */
  private readonly parked = new Set<Unit>()
  private changes = 0
  private unparkedAt = 0
  private tries = 0

  push(unit: Unit): void {
    const { plan } = unit
    const isAlike = unit.declined === undefined && unit.avoid === undefined
    unit.demandsKey = isAlike ? plan.demandsKey : undefined
    if (unit.demandsKey === undefined) this.particular.push(unit)
    else this.lineOf(unit.demandsKey, unit).units.push(unit)
  }

  remove(unit: Unit): void {
    if (this.parked.delete(unit)) return
    if (unit.place < 0) return
    if (unit.demandsKey === undefined) this.particular.remove(unit)
    else this.lines.get(unit.demandsKey)!.units.remove(unit)
  }

  /** Those that wait for a host, one of each line for all that ask for the same. */
  *waiting(): Generator<Unit> {
    for (const { units } of this.lines.values()) {
      const first = units.peek()
      if (first !== undefined) yield first
    }
    const untried = this.particular.peek()
    if (untried !== undefined) yield untried
    yield* this.parked
  }

  isIn(unit: Unit): boolean {
    return unit.place >= 0 || this.parked.has(unit)
  }

  /** Room has come, or hosts are other than they were. */
  changed(): void {
    this.changes++
  }

  /** Before the units of a turn are looked at. */
  begin(): void {
    this.tries = schedulerLimits.particularTriesMax
    if (this.unparkedAt === this.changes) return
    this.unparkedAt = this.changes
    let left = schedulerLimits.particularTriesMax
    for (const unit of this.parked) {
      if (left-- === 0) break
      this.parked.delete(unit)
      this.particular.push(unit)
    }
  }

  /** Who is to be placed next; it stays in the queue. */
  first(): Unit | undefined {
    let best = this.tries > 0 ? this.particular.peek() : undefined
    for (const line of this.lines.values()) {
      if (line.blockedAt === this.changes) continue
      const head = line.units.peek()
      if (head !== undefined && (best === undefined || precedes(head, best))) best = head
    }
    return best
  }

  /** What it asks for, when it stands in a line. */
  requestOf(unit: Unit): PlacementRequest | undefined {
    return unit.demandsKey === undefined ? undefined : this.lines.get(unit.demandsKey)!.request
  }

  /** There is no host for it now. */
  block(unit: Unit): void {
    if (unit.demandsKey !== undefined) {
      this.lines.get(unit.demandsKey)!.blockedAt = this.changes
      return
    }
    this.tries--
    this.particular.remove(unit)
    this.parked.add(unit)
  }

  private lineOf(key: string, { plan }: Unit): Line {
    let line = this.lines.get(key)
    if (line !== undefined) return line
    if (this.lines.size >= schedulerLimits.demandsMax) this.forgetEmpty()
    const { demands, features, stage } = plan
    const request = { demands: demands!, resources: stage.resources, features }
    line = { request, units: new Heap(precedes), blockedAt: -1 }
    this.lines.set(key, line)
    return line
  }

  private forgetEmpty(): void {
    for (const [key, { units }] of this.lines) if (units.size === 0) this.lines.delete(key)
  }
}
