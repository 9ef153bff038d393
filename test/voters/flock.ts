/** Whole agents in a virtual world, with what a test may do to the ledger of each. */
import assert from 'node:assert/strict'
import { Agent } from '../../agent/agent.ts'
import { storeLimits } from '../../agent/artifacts/limits.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import type { LedgerWitness } from '../../agent/ledger/witness.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { workDefaults } from '../../agent/work/limits.ts'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { auditModule } from '../../coordinator/audit/module.ts'
import { autopilotModule } from '../../coordinator/autopilot/autopilot.ts'
import { limits } from '../../protocol/consensus/limits.ts'
import type { Appended } from '../../protocol/ledger/ledger.ts'
import type { LedgerState } from '../../protocol/ledger/state.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import { World } from '../../simulations/world/world.ts'

export interface Bird {
  readonly host: Host
  agent: Agent
  audit: AuditDesk
  /** Of its event loop, as its own monitor would say. */
  loopLagMs: number
  /** What its ledger has come to, by the very object that it goes on from. */
  state: LedgerState | undefined
}

export class Flock {
  readonly world: World
  readonly birds: Bird[]
  private founded = false

  constructor(seed: string, size: number) {
    this.world = new World({ seed, identities: 'plain' })
    this.birds = Array.from({ length: size }, (_, i) => ({
      host: this.world.addHost(`n${i + 1}`),
      agent: undefined as unknown as Agent,
      audit: undefined as unknown as AuditDesk,
      loopLagMs: 0,
      state: undefined,
    }))
    for (const bird of this.birds) this.boot(bird)
  }

  /** So many voters, all of whom hold the same. */
  static async of(seed: string, size: number, voters: number): Promise<Flock> {
    const flock = new Flock(seed, size)
    const settled = () =>
      flock.leader?.agent.ledger.status()?.config.voters.length === voters && flock.isLevel(size)
    assert.ok(await flock.until(settled, 60_000), 'the mesh comes together')
    // Until something is written, all share the one empty state of this process.
    assert.equal((await flock.put(flock.leader as Bird, 'first'))?.kind, 'applied')
    assert.ok(await flock.until(() => flock.isLevel(size), 5_000))
    return flock
  }

  /** Its program begins again, on what its disk has kept. */
  boot(bird: Bird): void {
    bird.host.boot((ports) => this.run(bird, ports))
  }

  async until(holds: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.world.nowMs + withinMs
    while (!holds() && this.world.nowMs < endMs) await this.world.runFor(10)
    return holds()
  }

  /** The one with the latest term, of those whose program runs. */
  get leader(): Bird | undefined {
    const leaders = this.birds.filter(({ host, agent }) => {
      return host.state === 'up' && agent?.ledger?.leads
    })
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0]
  }

  get voters(): Bird[] {
    const voters = this.leader?.agent.ledger.status()?.config.voters ?? []
    return this.birds.filter(({ host }) => voters.some(({ id }) => id === host.id))
  }

  /** A voter that does not lead. */
  get follower(): Bird {
    const follower = this.voters.find((bird) => bird !== this.leader)
    assert.ok(follower)
    return follower
  }

  isLevel(count: number): boolean {
    const indices = this.birds.map(({ agent }) => agent?.ledger?.state.index ?? 0)
    return indices.filter((index) => index > 0 && index === indices[0]).length === count
  }

  /** One command through that host, and what became of it. */
  async put(bird: Bird, key: string, withinMs = 8_000): Promise<Appended | undefined> {
    let outcome: Appended | undefined
    void this.ask(bird, key, withinMs).then((appended) => {
      outcome = appended
    })
    await this.until(() => outcome !== undefined, withinMs + 1_000)
    return outcome
  }

  /** The same, on its way while the world goes on. */
  ask({ agent }: Bird, key: string, timeoutMs: number): Promise<Appended> {
    const value = { namespace: 'test', key, value: new Uint8Array(1) }
    return agent.ledger.append({ kind: 'kvPut', value }, { timeoutMs })
  }

  /** A bit turns in the memory of one host, where its state is. */
  flipBit({ state }: Bird, bit = 0): void {
    assert.ok(state)
    const sum = state.sum as { a: number }
    sum.a ^= 1 << bit
  }

  private async run(bird: Bird, ports: HostPorts): Promise<Agent> {
    const { host } = bird
    const witness: LedgerWitness = {
      started: () => {},
      follows: () => {},
      heard: () => {},
      applied: (_first, _entries, state) => {
        bird.state = state
      },
      restored: (state) => {
        bird.state = state
      },
    }
    const first = this.birds[0] === bird
    bird.agent = new Agent(
      { ...ports, loopLagMs: () => bird.loopLagMs },
      {
        signer: ports.signer,
        verify: ports.verify,
        trust: ports.trust,
        credential: ports.credential,
        keyOf: ports.keyOf,
        name: host.name,
        mesh: 'simulated',
        labels: {},
        bootstrap: this.birds.filter((other) => other !== bird).map((other) => other.host.address),
        probeIntervalMs: 900,
        ledgerTiming,
        ledgerLimits: limits,
        witness,
        founding: {
          founder: first && !this.founded,
          done: () => {
            this.founded ||= first
          },
        },
        sampling: samplingDefaults,
        work: workDefaults,
        artifacts: storeLimits,
        dataDirectory: '/',
      },
      (it) => {
        bird.audit = new AuditDesk(it)
        return [autopilotModule(it, bird.audit), auditModule(it, bird.audit)]
      },
    )
    await bird.agent.start()
    return bird.agent
  }
}

function termOf({ agent }: Bird): number {
  return agent.ledger.status()?.term ?? 0
}

/** The state that a module of that agent is shown in. */
export function moduleState({ agent }: Bird, name: string): string | undefined {
  return agent.modules.states().find((module) => module.name === name)?.state
}
