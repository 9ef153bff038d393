/**
 * Whole agents with their coordinators, the ones of production, as the hosts of one virtual world.
 * It starts them, and knows which of them live; what befalls them is for `faults.ts`.
 */
import { Agent } from '../../agent/agent.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { autopilotModule } from '../../coordinator/autopilot/autopilot.ts'
import type { Host, HostPorts } from '../world/host.ts'
import { World, type WorldOptions } from '../world/world.ts'

/** What `agent run` has by default. */
const PROBE_INTERVAL_MS = 900

export interface SimulatedAgent {
  readonly host: Host
  /** The agent of this life, from its construction on; of no use while the host is down. */
  agent: Agent | undefined
}

export class SimulatedMesh {
  readonly world: World
  readonly nodes: SimulatedAgent[]
  /** Whether the ledger was founded: a second founder would be a second mesh. */
  private founded = false

  constructor(size: number, options: WorldOptions) {
    this.world = new World({ identities: 'plain', ...options })
    this.nodes = Array.from({ length: size }, (_, i) => ({
      host: this.world.addHost(`n${i + 1}`),
      agent: undefined,
    }))
    for (const node of this.nodes) node.host.boot((ports) => this.run(node, ports))
  }

  /** Agents whose program runs, paused or not. */
  get living(): { host: Host; agent: Agent }[] {
    return this.nodes.flatMap(({ host, agent }) =>
      agent && (host.state === 'up' || host.state === 'paused') ? [{ host, agent }] : [],
    )
  }

  private async run(node: SimulatedAgent, ports: HostPorts): Promise<Agent> {
    const { host } = node
    const others = this.nodes.filter((other) => other !== node).slice(0, 3)
    const agent = new Agent(
      { ...ports, loopLagMs: () => 0 },
      {
        signer: ports.signer,
        verify: ports.verify,
        name: host.name,
        mesh: 'simulated',
        labels: {},
        bootstrap: others.map((other) => other.host.address),
        probeIntervalMs: PROBE_INTERVAL_MS,
        ledgerTiming,
        founding: {
          founder: node === this.nodes[0] && !this.founded,
          done: () => {
            if (node === this.nodes[0]) this.founded = true
          },
        },
        sampling: samplingDefaults,
        dataDirectory: '/',
      },
      (it) => [autopilotModule(it)],
    )
    node.agent = agent
    await agent.start()
    return agent
  }
}
