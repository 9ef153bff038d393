/**
 * What would run where now: stages take their places in the order in which they would begin, what
 * they ask for is set aside while they run, and given back when they are done. Where times are not
 * known, all are taken to be equally long: the order is right then, and the clock means nothing.
 */
import type { TaskTimes } from '../../models/profiles/by-host.ts'
import { assert } from '../../protocol/assert.ts'
import { takesNoTime } from '../../protocol/work/fingerprint.ts'
import { dependantsOf, type Graph, needsOf } from '../../protocol/workflow/graph/graph.ts'
import type { Company, Stage } from '../../protocol/workflow/model.ts'
import { spreadValue } from '../placement/factors.ts'
import type { HostView } from '../placement/host-view.ts'
import type { Hosts } from '../placement/hosts.ts'
import type { Neighbours, PlacementPolicy, PlacementRequest } from '../placement/policy.ts'
import { isUnknownStep } from '../placement/unknown-steps.ts'
import type { Kind, Kinds } from './kinds.ts'
import { planLimits } from './limits.ts'
import type { Place } from './plan.ts'

export interface PlacingWorld {
  readonly kinds: Kinds
  /** Its own: what is set aside changes as it goes, and is as before at the end. */
  readonly hosts: Hosts
  readonly policy: PlacementPolicy
  readonly skipped: ReadonlySet<string>
  itemsOf(stage: Stage): number | undefined
  durationMs(stage: Stage): number
  /** The host that leads, where one is known: what takes no time is done there. */
  readonly near: string | undefined
  /** On each host, where anybody knows. */
  timesOf(stage: Stage): TaskTimes | undefined
  priorityOf(stage: Stage): number
}

/** Of equals the first, so that a plan is the same each time. */
const firstOfEquals = { unit: () => 1 - 2 ** -32 }

interface Standing {
  readonly stage: Stage
  readonly request: PlacementRequest
  readonly candidates: readonly HostView[]
  /** No host could ever. */
  readonly isHopeless: boolean
  readonly unitsAt: Map<string, number>
  readonly placed: Map<string, number>
  why: Extract<Place, { by: 'host' }>['why']
  waiting: number
  running: number
  hasWaited: boolean
}

interface End {
  readonly atMs: number
  readonly node: number
  /** Where the unit ran. */
  readonly host?: string
}

export class Placing {
  /** Of stages that were placed so far. */
  readonly places = new Map<string, Place>()
  private readonly world: PlacingWorld
  private readonly nodesOf = new Map<string, readonly string[]>()
  private units = 0
  private tries = 0

  constructor(world: PlacingWorld) {
    this.world = world
  }

  /** One graph, from its first stage to its last. */
  run(stages: readonly Stage[], graph: Graph): void {
    new Passage(this, stages, graph).run()
  }

  /** Undefined for what takes no host. */
  begin(stage: Stage): Standing | undefined {
    const { kinds, skipped } = this.world
    const number = kinds.of.get(stage)
    if (skipped.has(stage.name)) return this.settle(stage, { by: 'skipped' })
    if (this.world.itemsOf(stage) === 0) return this.settle(stage, { by: 'skipped' })
    if (isUnknownStep(stage.step.kind)) return this.settle(stage, { by: 'nobody' })
    if (number === undefined) return this.settle(stage, { by: 'leader' })
    const kind = kinds.all[number]!
    const placed = new Map<string, number>()
    return {
      stage,
      request: this.requestOf(stage, kind, placed),
      candidates: kind.open,
      isHopeless: kind.eligible.length === 0,
      unitsAt: new Map(),
      placed,
      why: [],
      waiting: this.wave(stage),
      running: 0,
      hasWaited: false,
    }
  }

  /** The host of one more unit; or why there is none. */
  placeOne(standing: Standing): HostView | 'later' | 'nobody' | 'untold' {
    const { world } = this
    if (this.units >= planLimits.unitsPlacedMax || this.tries >= planLimits.triesMax) {
      return 'untold'
    }
    if (standing.isHopeless) return 'nobody'
    if (standing.candidates.length === 0) return 'later'
    this.tries++
    const { stage, request, candidates, unitsAt, placed } = standing
    const { host, ...refused } = world.policy.choose(request, candidates, firstOfEquals)
    if (host === undefined) return 'canPass' in refused && refused.canPass ? 'later' : 'nobody'
    this.units++
    if (unitsAt.size === 0) standing.why = world.policy.explain(request, [host])[0]!.reasons
    world.hosts.setAside(host.id, stage.resources)
    unitsAt.set(host.id, (unitsAt.get(host.id) ?? 0) + 1)
    const value = spreadValue(request, host)
    if (value !== undefined) placed.set(value, (placed.get(value) ?? 0) + 1)
    standing.waiting--
    standing.running++
    return host
  }

  release(host: string, stage: Stage): void {
    this.world.hosts.release(host, stage.resources)
  }

  priorityOf(stage: Stage): number {
    return this.world.priorityOf(stage)
  }

  durationMs(stage: Stage): number {
    return this.world.durationMs(stage)
  }

  /** It is over, or nothing more will come of it. */
  conclude(standing: Standing, instead: 'later' | 'nobody' | 'untold'): void {
    const { stage, unitsAt, why, hasWaited } = standing
    if (unitsAt.size === 0) return void this.settle(stage, { by: instead })
    const hosts = [...unitsAt].map(([node, units]) => {
      const name = this.world.hosts.get(node)?.name ?? node
      return { node, name, units }
    })
    this.nodesOf.set(stage.name, [...unitsAt.keys()])
    this.places.set(stage.name, { by: 'host', hosts, why, waits: hasWaited })
  }

  private settle(stage: Stage, place: Place): undefined {
    this.places.set(stage.name, place)
  }

  /** Items that begin together, as far as they are told. */
  private wave(stage: Stage): number {
    const items = this.world.itemsOf(stage) ?? 1
    return Math.min(items, stage.forEach?.limit ?? items, planLimits.itemsPlacedMax)
  }

  private requestOf(stage: Stage, kind: Kind, placed: Map<string, number>): PlacementRequest {
    const { affinity, antiAffinity } = stage.where
    // Hosts where it does not hold are no candidates (`Kind.open`).
    const { expression: _, ...demands } = kind.request.demands
    const { near } = this.world
    const times = this.world.timesOf(stage)
    return {
      ...kind.request,
      demands,
      ...(affinity === undefined ? {} : { affinity: this.neighbours(affinity) }),
      ...(antiAffinity === undefined ? {} : { antiAffinity: this.neighbours(antiAffinity) }),
      ...(demands.spread === undefined ? {} : { placed }),
      ...(times === undefined ? {} : { expectedMs: times.range.p50, expectedOn: times.byHost }),
      ...(near !== undefined && takesNoTime(stage) ? { near } : {}),
    }
  }

  private neighbours({ stages, required }: Company): Neighbours {
    return { nodes: stages.flatMap((name) => this.nodesOf.get(name) ?? []), required }
  }
}

/** The stages of one graph on their way through time. */
class Passage {
  private readonly placing: Placing
  private readonly stages: readonly Stage[]
  private readonly graph: Graph
  private readonly left: Int32Array
  private readonly standing = new Map<number, Standing>()
  /** By kind of request, in the order in which they came: who finds no room waits behind the first. */
  private readonly queues = new Map<readonly HostView[], number[]>()
  private ready: number[] = []
  private readonly ends: End[] = []
  private nowMs = 0

  constructor(placing: Placing, stages: readonly Stage[], graph: Graph) {
    this.placing = placing
    this.stages = stages
    this.graph = graph
    this.left = Int32Array.from(stages, (_, node) => needsOf(graph, node).length)
  }

  run(): void {
    this.ready = [...this.stages.keys()].filter((node) => this.left[node] === 0)
    for (;;) {
      while (this.ready.length > 0) this.beginReady()
      if (this.ends.length > 0) this.passTime()
      else if (!this.giveUp()) break
    }
    assert(
      this.stages.every(({ name }) => this.placing.places.has(name)),
      'every stage has had its turn',
    )
  }

  private beginReady(): void {
    const { stages } = this
    const priority = (node: number) => this.placing.priorityOf(stages[node]!)
    const ready = this.ready.sort((a, b) => priority(b) - priority(a) || a - b)
    this.ready = []
    for (const node of ready) {
      const stage = stages[node]!
      const standing = this.placing.begin(stage)
      if (standing === undefined) {
        const isOver = this.placing.places.get(stage.name)!.by === 'skipped'
        this.endLater({ atMs: this.nowMs + (isOver ? 0 : this.placing.durationMs(stage)), node })
      } else {
        this.standing.set(node, standing)
        this.place(node, standing)
      }
    }
  }

  /** As many of its units as find room; false when some must wait. */
  private place(node: number, standing: Standing): boolean {
    while (standing.waiting > 0) {
      const host = this.placing.placeOne(standing)
      if (host === 'later') {
        standing.hasWaited ||= standing.running === 0
        this.queue(node, standing)
        return false
      }
      if (typeof host === 'string') {
        standing.waiting = 0
        if (standing.running === 0) this.over(node, standing, host)
        return true
      }
      const atMs = this.nowMs + this.placing.durationMs(standing.stage)
      this.endLater({ atMs, node, host: host.id })
    }
    if (standing.running === 0) this.over(node, standing, 'nobody')
    return true
  }

  private queue(node: number, { candidates }: Standing): void {
    const queue = this.queues.get(candidates)
    if (queue === undefined) this.queues.set(candidates, [node])
    else if (!queue.includes(node)) queue.push(node)
  }

  /** To the next end, and all that come with it. */
  private passTime(): void {
    this.nowMs = this.ends[0]!.atMs
    let count = 0
    while (count < this.ends.length && this.ends[count]!.atMs === this.nowMs) count++
    for (const { node, host } of this.ends.splice(0, count)) {
      const standing = this.standing.get(node)
      if (standing === undefined || host === undefined) {
        this.free(node)
        continue
      }
      this.placing.release(host, standing.stage)
      standing.running--
      if (standing.running === 0 && standing.waiting === 0) this.over(node, standing, 'nobody')
    }
    this.callWaiting()
  }

  private callWaiting(): void {
    for (const [candidates, queue] of this.queues) {
      while (queue.length > 0) {
        const node = queue[0]!
        if (!this.place(node, this.standing.get(node)!)) break
        queue.shift()
      }
      if (queue.length === 0) this.queues.delete(candidates)
    }
  }

  /** Nothing of this plan will make room any more: who waits, waits for others. */
  private giveUp(): boolean {
    const waiting = [...this.queues.values()].flat()
    this.queues.clear()
    for (const node of waiting) this.over(node, this.standing.get(node)!, 'later')
    return waiting.length > 0
  }

  private over(node: number, standing: Standing, instead: 'later' | 'nobody' | 'untold'): void {
    this.placing.conclude(standing, instead)
    this.standing.delete(node)
    this.free(node)
  }

  private free(node: number): void {
    for (const dependant of dependantsOf(this.graph, node)) {
      if (--this.left[dependant]! === 0) this.ready.push(dependant)
    }
  }

  private endLater(end: End): void {
    let from = 0
    let to = this.ends.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.ends[middle]!.atMs <= end.atMs) from = middle + 1
      else to = middle
    }
    this.ends.splice(from, 0, end)
  }
}
