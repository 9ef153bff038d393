/**
 * A stage for module graphs: a clock that moves only when told, parts that behave as written, and
 * a record of every call to them, which is checked as it is made.
 */
import assert from 'node:assert/strict'
import { ModuleGraph } from '../../agent/modules/graph.ts'
import type { ModuleEvent, ModuleHandle, ModuleSpec } from '../../agent/modules/module.ts'
import type { Clock, Timer } from '../../protocol/ports/clock.ts'
import type { Entropy } from '../../protocol/ports/entropy.ts'
import type { Log } from '../../protocol/ports/log.ts'

/** Lets every promise that can go on go on: an immediate runs after all microtasks. */
export const quiet = () => new Promise<void>((resolve) => setImmediate(resolve))

export class ManualClock implements Clock {
  private nowMs = 0
  private readonly timers = new Set<{ atMs: number; callback: () => void }>()

  now = () => this.nowMs
  wall = () => this.nowMs

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, callback }
    this.timers.add(timer)
    return { cancel: () => this.timers.delete(timer) }
  }

  every(): Timer {
    throw new Error('the module graph does not poll')
  }

  get pending(): number {
    return this.timers.size
  }

  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs
    await quiet()
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > untilMs) break
      this.timers.delete(next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.callback()
      await quiet()
    }
    this.nowMs = untilMs
  }
}

/** How one call to `start` goes. `deaf` never returns, `slow` returns when told to give up. */
export type Start = 'ok' | 'throws' | 'slow' | 'deaf' | 'failsInside'
export type Stop = 'ok' | 'throws' | 'deaf'

export interface Script {
  name: string
  priority?: number
  needs?: readonly string[]
  /** One for each call; after the last, all is well. */
  starts?: readonly Start[]
  stops?: readonly Stop[]
}

/** A part under test, which knows what may be asked of it and when. */
export class Actor implements ModuleSpec {
  readonly name: string
  readonly priority: number
  readonly needs: readonly string[]
  /** Its own view: `start` has returned and nothing bad has happened since. */
  up = false
  calling: 'start' | 'stop' | undefined
  started = false
  handle: ModuleHandle | undefined
  /** Lets a deaf call return. */
  wake: () => void = () => {}
  private readonly stage: Stage
  private readonly starts: Start[]
  private readonly stops: Stop[]

  constructor(script: Script, stage: Stage) {
    this.name = script.name
    this.priority = script.priority ?? 1
    this.needs = script.needs ?? []
    this.starts = [...(script.starts ?? [])]
    this.stops = [...(script.stops ?? [])]
    this.stage = stage
  }

  async start(signal: AbortSignal, handle: ModuleHandle): Promise<void> {
    this.stage.called(this, 'start')
    this.handle = handle
    const how = this.starts.shift() ?? 'ok'
    try {
      if (how === 'throws') throw new Error(`${this.name} is broken`)
      if (how === 'failsInside') handle.failed(`${this.name} gave up inside`)
      if (how === 'deaf') await new Promise<void>((resolve) => (this.wake = resolve))
      if (how === 'slow') {
        await new Promise<void>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        )
      }
      this.up = !signal.aborted
    } finally {
      this.calling = undefined
    }
  }

  async stop(): Promise<void> {
    this.stage.called(this, 'stop')
    this.up = false
    const how = this.stops.shift() ?? 'ok'
    try {
      if (how === 'deaf') await new Promise<void>((resolve) => (this.wake = resolve))
      if (how === 'throws') throw new Error(`${this.name} would not go`)
    } finally {
      this.calling = undefined
      this.started = false
    }
  }

  /** Fails at run time. */
  fail(why: string): void {
    this.up = false
    this.handle?.failed(why)
  }
}

export class Stage {
  readonly clock = new ManualClock()
  /** `start a`, `stop b`, in the order called. */
  readonly calls: string[] = []
  readonly events: ModuleEvent[] = []
  readonly breaches: string[] = []
  readonly lines: string[] = []
  readonly actors = new Map<string, Actor>()
  readonly graph: ModuleGraph
  closed = false

  constructor(scripts: readonly Script[], chance = 0) {
    for (const script of scripts) this.actors.set(script.name, new Actor(script, this))
    const entropy = { unit: () => chance, stream: () => entropy } as unknown as Entropy
    this.graph = new ModuleGraph(
      { clock: this.clock, entropy, log: this.log() },
      [...this.actors.values()],
      { onChange: (event) => this.events.push(event) },
    )
  }

  actor(name: string): Actor {
    return this.actors.get(name)!
  }

  /** `ready`, or `failed: why`. */
  state(name: string): string {
    const { state, why } = this.graph.states().find((status) => status.name === name)!
    return why === undefined ? state : `${state}: ${why}`
  }

  /**
   * What holds of every call, whatever happens: checked here, so that no test can forget it. A
   * breach is remembered, because the graph would take a throw for the part's own failure.
   */
  called(actor: Actor, kind: 'start' | 'stop'): void {
    this.calls.push(`${kind} ${actor.name}`)
    const must = (holds: boolean, law: string) => {
      if (!holds) this.breaches.push(`${kind} ${actor.name}: ${law}`)
    }
    must(actor.calling === undefined, 'no call while another is under way')
    must(actor.started === (kind === 'stop'), 'starts and stops take turns')
    if (kind === 'start') {
      must(!this.closed, 'no start after the graph was closed')
      for (const need of actor.needs) must(this.actor(need).up, `not while ${need} is down`)
      actor.started = true
    }
    actor.calling = kind
  }

  /** What holds of the calls so far, and of the states whenever promises are quiet. */
  check(): void {
    assert.deepEqual(this.breaches, [])
    const states = new Map(this.graph.states().map((status) => [status.name, status]))
    for (const { name, needs, state, why } of states.values()) {
      if (state === 'ready') {
        assert.ok(this.actor(name).up, `${name} is shown ready and is`)
        for (const need of needs)
          assert.equal(states.get(need)?.state, 'ready', `${name} needs ${need}`)
      }
      if (state !== 'degraded') continue
      if (why === 'it is being stopped') {
        assert.equal(this.actor(name).calling, 'stop', `${name} is being stopped`)
        continue
      }
      const causes = [...states.values()].filter((each) => why?.includes(`${each.name} `))
      assert.ok(
        causes.some((each) => each.state !== 'ready' && !each.why?.startsWith('it waits')),
        `${name} is degraded (${why}) for something that is down, and not for one that waits too`,
      )
    }
  }

  private log(): Log {
    const line = (message: string, fields?: object) => {
      this.lines.push(`${message} ${(fields as { module?: string } | undefined)?.module ?? ''}`)
    }
    return { debug: line, info: line, warn: line, error: line, child: () => this.log() }
  }
}
