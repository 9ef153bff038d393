/** Makes the faults of a schedule happen, one by one or at once, and takes them all back in the end. */
import type { LocalNode } from '../mesh/layout.ts'
import type { ChaosNetwork } from './chaos-network.ts'
import { type Due, type Fault, LEADER } from './chaos-schedule.ts'

export interface Troubled {
  readonly nodes: readonly LocalNode[]
  readonly network: ChaosNetwork
  /** Name of whoever leads now, if anybody says so. */
  leader(): Promise<string | undefined>
  say(line: string): void
}

export class Trouble {
  readonly counts = new Map<Fault['kind'], number>()
  private readonly troubled: Troubled
  /** How many faults hold each of them. */
  private readonly paused = new Map<number, number>()
  private readonly cuts = new Map<string, number>()
  private readonly ends = new Set<() => void>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private leaderSeen = 'n1'

  constructor(troubled: Troubled) {
    this.troubled = troubled
  }

  begin(schedule: readonly Due[]): void {
    for (const { atMs, fault } of schedule) this.in(atMs, () => void this.strike(fault))
  }

  /** Nothing more happens, and nothing lasts. */
  end(): void {
    for (const timer of this.timers) clearTimeout(timer)
    for (const end of [...this.ends]) end()
  }

  private async strike(fault: Fault): Promise<void> {
    const { counts, troubled } = this
    counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1)
    this.leaderSeen = (await troubled.leader()) ?? this.leaderSeen
    switch (fault.kind) {
      case 'kill':
        for (const { name, pid } of this.victims(fault.victims)) {
          troubled.say(`kill ${name}`)
          signal(pid, 'SIGKILL')
        }
        return
      case 'pause': {
        const victims = this.victims(fault.victims)
        troubled.say(
          `pause ${victims.map(({ name }) => name).join(' ')} ${Math.round(fault.forMs)} ms`,
        )
        for (const { pid } of victims) this.pause(pid, fault.forMs)
        return
      }
      case 'cut': {
        const cuts = new Set(fault.cuts.map((cut) => cut.replaceAll(LEADER, this.leaderSeen)))
        troubled.say(`cut ${[...cuts].filter(isWire).join(' ')} ${Math.round(fault.forMs)} ms`)
        this.cut([...cuts].filter(isWire), fault.forMs)
        return
      }
    }
  }

  private victims(names: readonly string[]): LocalNode[] {
    const wanted = new Set(names.map((name) => (name === LEADER ? this.leaderSeen : name)))
    return this.troubled.nodes.filter(({ name, pid }) => wanted.has(name) && pid > 0)
  }

  private pause(pid: number, forMs: number): void {
    const held = this.paused.get(pid) ?? 0
    this.paused.set(pid, held + 1)
    signal(pid, 'SIGSTOP')
    this.lasting(forMs, () => {
      const left = (this.paused.get(pid) ?? 1) - 1
      this.paused.set(pid, left)
      if (left === 0) signal(pid, 'SIGCONT')
    })
  }

  private cut(wires: readonly string[], forMs: number): void {
    for (const wire of wires) this.cuts.set(wire, (this.cuts.get(wire) ?? 0) + 1)
    this.applyCuts()
    this.lasting(forMs, () => {
      for (const wire of wires) this.cuts.set(wire, (this.cuts.get(wire) ?? 1) - 1)
      this.applyCuts()
    })
  }

  private applyCuts(): void {
    const cut = [...this.cuts].filter(([, holds]) => holds > 0).map(([wire]) => wire)
    this.troubled.network.cut(new Set(cut))
  }

  private lasting(forMs: number, end: () => void): void {
    const once = () => {
      if (this.ends.delete(once)) end()
    }
    this.ends.add(once)
    this.in(forMs, once)
  }

  private in(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      act()
    }, ms)
    this.timers.add(timer)
  }
}

/** From one to another. */
function isWire(cut: string): boolean {
  const [from, to] = cut.split('>')
  return from !== to
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // It ended by itself, or by an earlier fault.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
