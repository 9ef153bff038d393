/**
 * After the storm: does a core that can decide do so, while the rest stays away; and when all are
 * back, do all come to hold the same? Whoever does not is named, with what it waits for.
 */
import type { Member } from '../../protocol/consensus/messages.ts'
import { digestOf } from '../../protocol/ledger/digest.ts'
import { below, type Entropy, shuffle } from '../../protocol/ports/entropy.ts'
import { mend, partition } from '../world/faults.ts'
import type { Host } from '../world/host.ts'
import { simLimits } from './limits.ts'
import type { SimulatedAgent, SimulatedMesh } from './mesh.ts'
import type { Said } from './overseer.ts'
import { rest } from './patience.ts'
import { type Step, stuck } from './steps.ts'
import type { Failure } from './verdict.ts'

const TRY_MS = 4_000
const AGAIN_MS = 250

export class Healing {
  private readonly mesh: SimulatedMesh
  private readonly say: (line: Said) => void
  private readonly entropy: Entropy
  private away: Host[] = []
  private cutOff = false
  private written = new Set<Host>()

  constructor(mesh: SimulatedMesh, say: (line: Said) => void) {
    this.mesh = mesh
    this.say = say
    this.entropy = mesh.world.entropy.stream('healing')
  }

  /** Leaves out as few as every configuration that anybody may believe in can do without. */
  chooseCore(): void {
    if (this.entropy.unit() < 0.4) return
    const spare = Math.min(...this.mesh.nodes.map((node) => sparedBy(node, this.mesh.nodes)))
    if (spare < 1) return
    const hosts = shuffle(this.entropy, [...this.mesh.world.hosts])
    this.away = hosts.slice(0, 1 + below(this.entropy, spare))
    this.cutOff = this.entropy.unit() < 0.5
  }

  readonly core: Step = {
    limitMs: simLimits.coreMs,
    begin: () => {
      const names = this.away.map(({ name }) => name).join(', ')
      this.note(this.away.length > 0 ? `faults end, but for ${names}` : 'all faults end')
      for (const host of this.away) {
        this.mesh.shunned.add(host)
        if (this.cutOff) partition(this.mesh.world, [host], this.others(host))
        else host.crash('powerLoss')
      }
      for (const node of this.present) void this.write(node)
    },
    done: () => this.present.every(({ host }) => this.written.has(host)),
    complaint: () => {
      const waiting = this.present.filter(({ host }) => !this.written.has(host))
      const names = waiting.map(({ host }) => host.name).join(', ')
      return this.liveness('a healed core decides', `nothing can be written through ${names}`)
    },
  }

  readonly whole: Step = {
    limitMs: simLimits.wholeMs,
    begin: () => {
      this.note('everyone is back')
      for (const host of this.away) {
        if (this.cutOff) mend(this.mesh.world, [host], this.others(host))
        else host.restart()
      }
      this.mesh.shunned.clear()
      this.away = []
    },
    done: () => this.alike(),
    complaint: () => this.liveness('all come to hold the same', 'the hosts do not agree'),
  }

  private get present(): SimulatedAgent[] {
    return this.mesh.nodes.filter(({ host }) => !this.away.includes(host))
  }

  private others(host: Host): Host[] {
    return this.mesh.world.hosts.filter((other) => other !== host)
  }

  private async write(node: SimulatedAgent): Promise<void> {
    const value = new TextEncoder().encode(node.host.name)
    const command = {
      kind: 'kvPut' as const,
      value: { namespace: 'sim', key: `healed/${node.host.name}`, value },
    }
    for (;;) {
      const answer = await node.agent?.ledger.append(command, { timeoutMs: TRY_MS })
      if (answer?.kind === 'applied') break
      await rest(this.mesh.world, AGAIN_MS)
    }
    this.written.add(node.host)
  }

  private alike(): boolean {
    const states = this.mesh.nodes.map(({ host, agent }) =>
      host.state === 'up' && !agent?.ledger.stopped ? agent?.ledger.state : undefined,
    )
    const [first] = states
    if (!first || states.some((state) => state?.index !== first.index)) return false
    const digest = digestOf(first)
    return states.every((state) => state && digestOf(state) === digest)
  }

  private liveness(checker: string, what: string): Failure {
    return stuck(this.mesh, checker, what)
  }

  private note(text: string): void {
    this.say({ atMs: this.mesh.world.nowMs, host: '', text })
  }
}

/**
 * How many hosts the configuration that this one believes in can spare, of those who can vote: with
 * the disk that they were admitted with, and everything that it had promised.
 */
function sparedBy(believer: SimulatedAgent, all: readonly SimulatedAgent[]): number {
  const config = believer.agent?.ledger.status()?.config
  if (!config || config.voters.length === 0) return Number.POSITIVE_INFINITY
  const able = ({ id, storage }: Member) =>
    all.some(
      ({ host, agent }) =>
        host.id === id &&
        agent?.ledger.storage === storage &&
        agent.ledger.status()?.recovering === false,
    )
  const halves = [config.voters, config.outgoing].filter((half) => half.length > 0)
  return Math.min(
    ...halves.map((half) => half.filter(able).length - (Math.floor(half.length / 2) + 1)),
  )
}
