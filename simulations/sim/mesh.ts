/**
 * Whole agents with their coordinators, the ones of production, as the hosts of one virtual world.
 * It starts them, and knows which of them live; what befalls them is for `storm.ts`.
 */
import { Agent } from '../../agent/agent.ts'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { archivingDefaults } from '../../agent/history/limits.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import type { LedgerWitness } from '../../agent/ledger/witness.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { type WorkSettings, workDefaults } from '../../agent/work/limits.ts'
import { coordinationOf } from '../../coordinator/coordination.ts'
import type { Limits } from '../../protocol/consensus/limits.ts'
import { DiskError } from '../../protocol/ports/disk.ts'
import type { Host, HostOptions, HostPorts } from '../world/host.ts'
import { World, type WorldOptions } from '../world/world.ts'
import { simulatedLedgerLimits } from './limits.ts'

/** What `agent run` has by default. */
const PROBE_INTERVAL_MS = 900
const BOOTSTRAP_COUNT = 3
const SUPERVISOR_PAUSE_MS = 5_000

export interface MeshOptions extends WorldOptions {
  /** By host: millionths by which its clock runs fast. */
  driftPpm?: readonly number[]
  witness?(host: Host, term: () => number): LedgerWitness
  ledgerLimits?: Limits
  /** What ended runs leave the ledger after. */
  archiveAfterMs?: number
  /** What can be run on a host, and what its agent takes on. */
  machine?(name: string): HostOptions
  work?(host: Host): WorkSettings
  labels?(host: Host): Readonly<Record<string, string>>
  /** The ports of a host, for somebody who wants to know what is done with them. */
  watched?(host: Host, ports: HostPorts): HostPorts
}

export interface SimulatedAgent {
  readonly host: Host
  /** The agent of this life, once it has started; of no use while the host is down. */
  agent: Agent | undefined
  /** The life of the host that it belongs to. */
  life: number
}

export class SimulatedMesh {
  readonly world: World
  readonly nodes: readonly SimulatedAgent[]
  /** Hosts that clients do not go to. */
  readonly shunned = new Set<Host>()
  private readonly options: MeshOptions
  /** Whether the ledger was founded: a second founder would be a second mesh. */
  private founded = false

  constructor(size: number, options: MeshOptions) {
    this.options = options
    this.world = new World({ identities: 'plain', ...options })
    this.nodes = Array.from({ length: size }, (_, i) => ({
      host: this.world.addHost(`n${i + 1}`, {
        driftPpm: options.driftPpm?.[i] ?? 0,
        ...options.machine?.(`n${i + 1}`),
      }),
      agent: undefined,
      life: 0,
    }))
    for (const node of this.nodes) node.host.boot((ports) => this.run(node, ports))
  }

  /** Where a client can go, and may wait in vain. */
  get reachable(): { host: Host; agent: Agent }[] {
    return this.nodes.flatMap(({ host, agent, life }) =>
      agent && life === host.life && !this.shunned.has(host) ? [{ host, agent }] : [],
    )
  }

  private exit(host: Host): void {
    const { life } = host
    if (host.state !== 'up') return
    host.crash('kill')
    this.world.plan(SUPERVISOR_PAUSE_MS, 'fault', `${host.name} is started again`, () => {
      if (host.life === life + 1 && host.state === 'stopped') host.restart()
    })
  }

  private async run(node: SimulatedAgent, ports: HostPorts): Promise<Agent> {
    const { host } = node
    const { watched, work, ledgerLimits, archiveAfterMs } = this.options
    node.agent = undefined
    node.life = host.life
    const others = this.nodes.filter((other) => other !== node).slice(0, BOOTSTRAP_COUNT)
    const witness = this.options.witness?.(host, () => agent.ledger.term)
    const agent: Agent = new Agent(
      { ...(watched?.(host, ports) ?? ports), loopLagMs: () => 0 },
      {
        signer: ports.signer,
        verify: ports.verify,
        trust: ports.trust,
        credential: ports.credential,
        keyOf: ports.keyOf,
        name: host.name,
        mesh: 'simulated',
        labels: this.options.labels?.(host) ?? {},
        bootstrap: others.map((other) => other.host.address),
        probeIntervalMs: PROBE_INTERVAL_MS,
        ledgerTiming,
        ledgerLimits: ledgerLimits ?? simulatedLedgerLimits,
        ...(witness ? { witness } : {}),
        founding: {
          founder: node === this.nodes[0] && !this.founded,
          done: () => {
            this.founded ||= node === this.nodes[0]
          },
        },
        sampling: samplingDefaults,
        work: work?.(host) ?? workDefaults,
        artifacts: storeLimits,
        dataDirectory: '/',
      },
      (it) => coordinationOf(it, () => archiveAfterMs ?? archivingDefaults.afterMs).modules,
    )
    try {
      await agent.start()
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      // The program ends with a clear line, and whoever supervises it starts it again.
      this.world.plan(0, 'fault', `${host.name} exits: ${error.message}`, () => this.exit(host))
      return agent
    }
    node.agent = agent
    return agent
  }
}
