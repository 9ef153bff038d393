/** Whole agents in a virtual world that keep the history of runs, with a ledger to put runs in. */
import assert from 'node:assert/strict'
import { Agent } from '../../agent/agent.ts'
import { type StoreLimits, storeLimits } from '../../agent/artifacts/limits.ts'
import { LiveConfig } from '../../agent/config/live.ts'
import { loadConfig } from '../../agent/config/load.ts'
import { noMeshValues } from '../../agent/config/mesh.ts'
import { type HistorySettings, historyDefaults } from '../../agent/history/limits.ts'
import { ledgerTiming } from '../../agent/ledger/limits.ts'
import { samplingDefaults } from '../../agent/telemetry/limits.ts'
import { workDefaults } from '../../agent/work/limits.ts'
import { type Asked, callOf, readReply } from '../../coordinator/api/calls.ts'
import { ControlApi } from '../../coordinator/api/handlers.ts'
import type { RouteName, RouteResponse } from '../../coordinator/api/routes.ts'
import { AuditDesk } from '../../coordinator/audit/desk.ts'
import { autopilotModule } from '../../coordinator/autopilot/autopilot.ts'
import { ConfigDesk } from '../../coordinator/config/desk.ts'
import { keptVersion } from '../../coordinator/config/kept.ts'
import type { Version } from '../../coordinator/config/rows.ts'
import { tunersOf, workTuningOf } from '../../coordinator/config/tuners.ts'
import { archivingModule } from '../../coordinator/history/archiving.ts'
import { JoinDesk } from '../../coordinator/joining/desk.ts'
import { IssuingKey } from '../../coordinator/joining/issuing-key.ts'
import { ModelDesk } from '../../coordinator/learning/desk.ts'
import { Registry } from '../../coordinator/learning/registry.ts'
import { RoundsDesk } from '../../coordinator/learning/rounds/desk.ts'
import { balanced } from '../../coordinator/placement/policies.ts'
import { WorkflowLibrary } from '../../coordinator/runs/library.ts'
import { SchedulerOffice } from '../../coordinator/scheduler/module.ts'
import { SecretKeeper } from '../../coordinator/secrets/keeper.ts'
import { SwarmDesk } from '../../coordinator/swarm/desk.ts'
import { SwarmHold } from '../../coordinator/swarm/hold.ts'
import { limits } from '../../protocol/consensus/limits.ts'
import type { Credential } from '../../protocol/identity/credential.ts'
import { swarmKeyBytes } from '../../protocol/identity/limits.ts'
import type { Command } from '../../protocol/ledger/catalogue.ts'
import type { RunStart } from '../../protocol/ledger/commands/work-runs.ts'
import type { Transition } from '../../protocol/ledger/commands/work-transitions.ts'
import { wholeRun } from '../../protocol/ledger/read-run.ts'
import type { Result } from '../../protocol/ledger/result.ts'
import type { RunView } from '../../protocol/ledger/work-view.ts'
import { type Disk, DiskError } from '../../protocol/ports/disk.ts'
import { encode } from '../../protocol/wire/codec.ts'
import { Finished } from '../../protocol/work/attempt.ts'
import { runStates } from '../../protocol/work/states.ts'
import { simulatedCredential, simulatedIssuer } from '../../simulations/world/credentials.ts'
import type { Host, HostPorts } from '../../simulations/world/host.ts'
import type { Programs } from '../../simulations/world/programs.ts'
import { SimulatedSwarmDoor } from '../../simulations/world/swarm-door.ts'
import { World } from '../../simulations/world/world.ts'
import { openDoor } from '../api/doors.ts'
import { assigned, finished, putWorkflow, settled, startRun } from '../work-ledger/stage.ts'

export const hour = 3_600_000

/** How an attempt ended, as its agent has told it. */
const record = encode(Finished, {
  outcome: { kind: 'succeeded', value: {} },
  endedAtMs: 1_000,
  usage: {},
  logTail: 'the end of the log',
})

const none = () => new Set<string>()

export interface Member {
  readonly host: Host
  agent: Agent
  api: ControlApi
  /** A certificate that was renewed. */
  kept?: Credential
  /** Whether the issuing key lies in its data directory. */
  hasIssuer: boolean
  /** The swarm keys that it takes. */
  readonly swarm: SimulatedSwarmDoor
  /** Its disk takes no runs, and all else. */
  isFull: boolean
}

export interface MeshOptions {
  readonly settings?: Partial<HistorySettings>
  readonly afterMs?: number
  readonly awaited?: () => ReadonlySet<string>
  /** Whether runs are scheduled, and not only what the test says of them. */
  readonly schedules?: boolean
  /** What there is to be run on every host. */
  readonly programs?: Programs
  readonly store?: Partial<StoreLimits>
  /** Whether hosts learn together. */
  readonly learns?: boolean
  /** Whether hosts are let in; the first member has the issuing key. */
  readonly letsIn?: boolean
  /** False: nobody has an issuing key. */
  readonly issues?: boolean
  /** Hosts go by the mesh’s configuration; by name, what stands in the file of a host when it starts. */
  readonly files?: Readonly<Record<string, string>>
  /** How long certificates of hosts are good when they start first. */
  readonly certificateMs?: number
}

export class Mesh {
  readonly world: World
  readonly members: Member[]
  readonly #options: MeshOptions
  /** The entry that ended a run last. */
  endedAt = 0
  #founded = false

  private constructor(seed: string, size: number, options: MeshOptions) {
    this.world = new World({ seed, identities: 'plain' })
    this.#options = options
    this.members = Array.from({ length: size }, (_, i) => ({
      host: this.world.addHost(`n${i + 1}`, { programs: options.programs ?? {} }),
      agent: undefined as unknown as Agent,
      api: undefined as unknown as ControlApi,
      hasIssuer: false,
      isFull: false,
      swarm: new SimulatedSwarmDoor(new Uint8Array(swarmKeyBytes).fill(5)),
    }))
    for (const member of this.members) member.host.boot((ports) => this.#run(member, ports))
  }

  static async of(seed: string, size: number, options: MeshOptions = {}): Promise<Mesh> {
    const mesh = new Mesh(seed, size, options)
    const voters = size >= 5 ? 5 : size >= 3 ? 3 : 1
    const settled = () =>
      mesh.leader?.agent.ledger.status()?.config.voters.length === voters &&
      mesh.members.every(({ agent }) => agent.ledger.state.index > 0)
    await mesh.until(settled, 'the mesh comes together', 120_000)
    await mesh.ok(putWorkflow())
    return mesh
  }

  get leader(): Member | undefined {
    const leading = this.members.filter(
      ({ host, agent }) => host.state === 'up' && agent?.ledger?.leads,
    )
    return leading.sort((a, b) => termOf(b) - termOf(a))[0]
  }

  /** It is killed, unless it was before, and starts again with what it has on its disk. */
  async again(member: Member): Promise<void> {
    const before = member.agent
    if (member.host.state === 'up') member.host.crash('kill')
    member.host.boot((ports) => this.#run(member, ports))
    await this.until(() => member.agent !== before && member.host.state === 'up', 'it is back')
  }

  /** Some member that does not lead. */
  get follower(): Member {
    const follower = this.members.find((member) => member !== this.leader)
    assert.ok(follower)
    return follower
  }

  async until(holds: () => boolean, what: string, withinMs = 60_000): Promise<void> {
    const endMs = this.world.nowMs + withinMs
    while (!holds() && this.world.nowMs < endMs) await this.world.runFor(50)
    assert.ok(holds(), what)
  }

  /** What a promise of an agent comes to while the world goes on. */
  async answer<T>(asked: Promise<T>, withinMs = 60_000): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined
    asked.then(
      (value) => {
        outcome = { value }
      },
      (error: unknown) => {
        outcome = { error }
      },
    )
    await this.until(() => outcome !== undefined, 'an answer comes', withinMs)
    assert.ok(outcome)
    if ('error' in outcome) throw outcome.error
    return outcome.value
  }

  async do(command: Command): Promise<Result> {
    const { leader } = this
    assert.ok(leader)
    const outcome = await this.answer(leader.agent.ledger.append(command, { timeoutMs: 5_000 }))
    assert.ok(outcome.kind === 'applied', JSON.stringify(outcome))
    return outcome.result
  }

  /** A text that no run holds is forgotten by the ledger. */
  async ok(command: Command): Promise<void> {
    if (command.kind === 'runStart') assert.equal((await this.do(putWorkflow())).code, 'ok')
    const { code, dropped = [] } = await this.do(command)
    assert.equal(code, 'ok')
    assert.deepEqual(dropped, [])
  }

  /** A run with two stages, one of which has tried, that ends so. */
  async ended(
    run: string,
    to: 'succeeded' | 'failed' | 'cancelled' = 'succeeded',
    also: Partial<RunStart> = {},
  ): Promise<void> {
    await this.ok(startRun(run, also))
    await this.advance(
      run,
      assigned('build', { node: this.leader!.host.id }),
      settled('check', 'succeeded', { outputs: '{"a":1}' }),
    )
    const index = this.leader!.agent.ledger.state.index
    const term = termOf(this.leader!)
    await this.advance(
      run,
      finished('build', index, 'succeeded', { term, outputs: '"x"', record }),
      { kind: 'ended', value: { after: [], to: runStates[to], outputs: '{"b":2}' } },
    )
    this.endedAt = this.leader!.agent.ledger.state.index
  }

  async advance(run: string, ...transitions: Transition[]): Promise<void> {
    const term = termOf(this.leader!)
    await this.ok({ kind: 'workAdvance', value: { runs: [{ run, transitions }], term } })
  }

  /** What an agent answers to a call of the control API. Throws its refusal. */
  async call<N extends RouteName>(
    { api }: Member,
    name: N,
    asked: Asked<N> = {},
  ): Promise<RouteResponse<N>> {
    const signal = new AbortController().signal
    return readReply(name, await this.answer(api.answer(callOf(name, asked), signal)))
  }

  /** The lines of a stream, to its end. */
  async lines<N extends RouteName>(
    { api }: Member,
    name: N,
    asked: Asked<N> = {},
  ): Promise<RouteResponse<N>[]> {
    const { signal } = new AbortController()
    const { body } = await this.answer(api.answer(callOf(name, asked), signal))
    assert.ok(!(body instanceof Uint8Array))
    const read = async () => {
      let text = ''
      for await (const piece of body) text += Buffer.from(piece as Uint8Array).toString()
      return text.split('\n').filter((line) => line.trim() !== '')
    }
    return (await this.answer(read())).map((line) => JSON.parse(line) as RouteResponse<N>)
  }

  /** As the ledger of one of them has it. */
  hot(run: string, { agent }: Member = this.leader!): RunView | undefined {
    return wholeRun(agent.ledger.state, { run, attempts: true })
  }

  /** Hosts whose disk would have the run after a loss of power, those that are down included. */
  kept(run: string): Host[] {
    return this.members
      .map(({ host }) => host)
      .filter(({ platter }) => platter.safe(`runs/id/${run}`) !== undefined)
  }

  /** Until that many agents say that they keep it. */
  async keptBy(count: number, ...runs: string[]): Promise<void> {
    const holds = () => runs.every((run) => this.holders(run).length >= count)
    await this.until(holds, `${count} agents keep ${runs}`)
  }

  async archived(run: string, withinMs = 60_000): Promise<void> {
    await this.until(() => this.hot(run) === undefined, `${run} leaves the ledger`, withinMs)
  }

  holders(run: string): Member[] {
    return this.members.filter(
      ({ host, agent }) =>
        host.state === 'up' && [...agent.history.held()].some(([id]) => id === run),
    )
  }

  #credentialOf({ credential, keyOf, network, clock }: HostPorts, name: string): Credential {
    const { certificateMs } = this.#options
    if (certificateMs === undefined) return credential
    const notAfterMs = clock.wall() + certificateMs
    return simulatedCredential(keyOf(network.self), name, { notAfterMs })
  }

  async #run(member: Member, ports: HostPorts): Promise<Agent> {
    const { host } = member
    const isFirst = this.members[0] === member
    const { settings, afterMs = hour, awaited = none } = this.#options
    const { files } = this.#options
    const version = files && (await keptVersion(ports.disk))
    const live = configured(host.name, files?.[host.name], version)
    const { schedules = false, letsIn = false, issues = true, learns = false } = this.#options
    member.agent = new Agent(
      { ...ports, disk: withoutRoom(ports.disk, member), loopLagMs: () => 0 },
      {
        signer: ports.signer,
        verify: ports.verify,
        trust: ports.trust,
        credential: member.kept ?? this.#credentialOf(ports, host.name),
        keyOf: ports.keyOf,
        name: host.name,
        mesh: 'simulated',
        labels: {},
        bootstrap: this.members
          .filter((other) => other !== member)
          .map((other) => other.host.address),
        probeIntervalMs: 900,
        ledgerTiming,
        ledgerLimits: limits,
        founding: {
          founder: isFirst && !this.#founded,
          done: () => {
            this.#founded ||= isFirst
          },
        },
        sampling: samplingDefaults,
        work: { ...workDefaults, ...workTuningOf(live.config) },
        artifacts: { ...storeLimits, ...this.#options.store },
        runs: { ...historyDefaults, ...settings },
        dataDirectory: '/',
      },
      (agent) => {
        const library = new WorkflowLibrary()
        const office = new SchedulerOffice(agent, library, balanced)
        const audit = new AuditDesk(agent)
        const secrets = new SecretKeeper(agent, library)
        const issuer = isFirst && issues ? simulatedIssuer() : undefined
        const keep = async (renewed: Credential) => {
          member.kept = renewed
        }
        member.hasIssuer = issuer !== undefined
        const forget = async () => {
          member.hasIssuer = false
        }
        const issuing = new IssuingKey(agent, secrets.meshKey, issuer, forget)
        const swarm = new SwarmDesk(agent, secrets.meshKey, holdOf(agent, member.swarm))
        const config = new ConfigDesk(agent, live, tunersOf(agent, untold), version)
        member.api = new ControlApi(agent, {
          library,
          office,
          audit,
          secrets,
          issuing,
          swarm,
          config,
          door: openDoor(),
        })
        return [
          autopilotModule(agent, audit),
          archivingModule({ agent, afterMs: () => afterMs, awaited }),
          ...(schedules ? [office.module()] : []),
          ...(schedules || letsIn ? [secrets.module()] : []),
          ...(files ? [config.module()] : []),
          ...(learns
            ? [
                new RoundsDesk(agent, new Registry(agent)).module(),
                new ModelDesk(agent, new Registry(agent)).module(),
              ]
            : []),
          ...(letsIn ? [new JoinDesk(agent, audit, issuing, keep).module(), swarm.module()] : []),
        ]
      },
    )
    await member.agent.start()
    return member.agent
  }
}

/** By its file, and by what was set for the mesh when it was there last. */
function configured(
  name: string,
  fileText: string | undefined,
  version: Version | undefined,
): LiveConfig {
  const input = {
    env: { HOME: '/' },
    flags: {},
    host: { name, superuser: true },
    mesh: version ?? noMeshValues,
    ...(fileText === undefined ? {} : { fileText, fileName: 'agent.yaml' }),
  }
  const loaded = loadConfig(input)
  assert.ok(loaded.ok)
  return new LiveConfig(input, loaded)
}

const untold = { setLevel: () => {}, archiveAfter: () => {} }

function holdOf({ ports, settings }: Agent, door: SimulatedSwarmDoor): SwarmHold {
  return new SwarmHold(ports, settings.signer, door, door.kept)
}

export function termOf({ agent }: Member): number {
  return agent.ledger.status()?.term ?? 0
}

/** Refuses what would put a run there. */
function withoutRoom(disk: Disk, member: Member): Disk {
  return {
    get: (key) => disk.get(key),
    scan: (range) => disk.scan(range),
    sync: () => disk.sync(),
    close: () => disk.close(),
    scrub: (prefix) => disk.scrub(prefix),
    write: async (batch, options) => {
      const puts = batch.some((op) => 'put' in op && op.put.startsWith('runs/'))
      if (member.isFull && puts) throw new DiskError('full', 'write: there is no room')
      return disk.write(batch, options)
    },
  }
}
